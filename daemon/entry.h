/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One journal entry as a table of the few fields that we read, so that the rules of admission work on plain memory
 * and can be tested without a journal. Values are hostile bytes: NUL-terminated copies, each cut at its own limit.
 */
#pragma once

#include "util/macro.h"

enum field_id {
	FIELD_MESSAGE_ID,
	FIELD_MESSAGE,
	FIELD_COREDUMP_UID,
	FIELD_COREDUMP_GID,
	FIELD_COREDUMP_PID,
	FIELD_COREDUMP_SIGNAL,
	FIELD_COREDUMP_TIMESTAMP,
	FIELD_COREDUMP_COMM,
	FIELD_COREDUMP_EXE,
	FIELD_COREDUMP_CMDLINE,
	FIELD_COREDUMP_UNIT,
	FIELD_COREDUMP_USER_UNIT,
	FIELD_COREDUMP_SLICE,
	FIELD_COREDUMP_CGROUP,
	FIELD_COREDUMP_CONTAINER_CMDLINE,
	FIELD_COREDUMP_FILENAME,
	FIELD_COREDUMP_TRUNCATED,
	FIELD_COREDUMP_DUMPABLE,
	FIELD_COREDUMP_PROC_LIMITS,
	FIELD_COREDUMP_PROC_STATUS,
	FIELD_COREDUMP_THREAD_NAME,
	FIELD_COREDUMP_PACKAGE_NAME,
	FIELD_COREDUMP_PACKAGE_VERSION,
	FIELD_MUTE,
	FIELD_MUTE_UNTIL,
	FIELD_UID,
	FIELD_GID,
	FIELD_BOOT_ID,
	FIELD_MACHINE_ID,
	FIELD_HOSTNAME,
	FIELD_TRANSPORT,
	FIELD_SYSTEMD_UNIT,
	FIELD_SYSTEMD_USER_UNIT,
	_FIELD_MAX,
};

struct field {
	char *value;   /* NULL: absent */
	size_t length; /* without the NUL; the value may hold NULs of its own */
	unsigned count;
	bool cut;
};

struct entry {
	struct field fields[_FIELD_MAX];
	char *cursor;
	uint64_t time_usec; /* realtime, when journald got it */
	bool has_core; /* the entry itself holds the core: COREDUMP= */
};

int entry_new(const char *cursor, struct entry **ret_entry);
void entry_free(struct entry *entry);
DEFINE_CLEANUP(struct entry *, entry_free);

/* The journal's name of a field. */
const char *field_name(enum field_id id);
/* The field that this "NAME=value" of length bytes belongs to, or _FIELD_MAX for one that we do not read. */
enum field_id field_of(const char *data, size_t length);

/* Takes one more value of a field; the first is kept, all are counted. 0 or -ENOMEM. */
int entry_add(struct entry *entry, enum field_id id, const char *value, size_t length);
/* Whether there is exactly one value, whole and without NUL bytes. */
bool entry_is_plain(const struct entry *entry, enum field_id id);
/* Drops all values of a field. */
void entry_forget(struct entry *entry, enum field_id id);
/* The first value or NULL. */
const char *entry_get(const struct entry *entry, enum field_id id);
