/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A crash: a journal entry that was admitted, its core as an open descriptor, and what was decided about who may see
 * it.
 */
#pragma once

#include "daemon/entry.h"
#include "util/hash.h"

enum core_state {
	CORE_PRESENT,
	CORE_JOURNAL,      /* in the entry itself; core_fd is opened later, by the follower */
	CORE_TRUNCATED,
	CORE_MISSING,      /* vacuumed since */
	CORE_INACCESSIBLE, /* too large, unreadable, or nothing that proves whose it is */
	CORE_NONE,         /* never stored */
	_CORE_STATE_MAX,
};

struct crash {
	struct entry *entry; /* owned */
	char id[HASH_TEXT_SIZE];
	unsigned revision; /* of the report that is being made; 0: the first, 2: an update of it */
	int32_t pid;
	uint32_t uid, gid;
	int signal;
	uint64_t timestamp; /* realtime, microseconds; whole seconds before systemd 257 */
	bool privileged;    /* sent by root or systemd-coredump: may speak for any uid */
	bool attributed;    /* journald saw systemd-coredump's own unit as the sender */
	enum core_state core_state;
	int core_fd;        /* or -EBADF */
	uint64_t core_bytes, core_inode;
	char *core_problem; /* why it is inaccessible, for the report */
	/*
	 * The owner may read the core, and so the report; false whenever in doubt: a set-uid program's memory is not
	 * its caller's.
	 */
	bool owner_may_read;
};

/* Takes entry over, on success only. 0 or -ENOMEM. */
int crash_new(struct entry *entry, struct crash **ret_crash);
void crash_free(struct crash *crash);
DEFINE_CLEANUP(struct crash *, crash_free);

/*
 * Fills id: a hash of boot id, pid, timestamp, uid and the core's inode. The same crash always has the same id. 0 or
 * -ENOMEM.
 */
int crash_make_id(struct crash *crash);

const char *core_state_name(enum core_state state); /* the schema's word */

#ifndef SYSTEM_UID_MAX /* as systemd was built: pkg-config --variable=system_uid_max systemd */
#define SYSTEM_UID_MAX 999
#endif

/*
 * Uids whose journal entries and cores belong to the system, not to a person: up to SYSTEM_UID_MAX, systemd's dynamic
 * users, nobody.
 */
bool uid_is_system(uint32_t uid);
