/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See entry.h. The field names are systemd-coredump's (systemd.journal-fields(7), systemd-coredump(8)) and journald's
 * own with "_".
 */
#include "daemon/entry.h"

/* Limits of what is copied. Beyond them only a forger goes, or a text of which the beginning is enough. */
#define NUMBER_MAX 32
#define NAME_MAX_BYTES 256
#define PATH_MAX_BYTES 4096
#define TEXT_MAX_BYTES KIB(16) /* command lines, /proc texts: a page is the rule */

static const struct {
	const char *name;
	size_t max;
} table[_FIELD_MAX] = {
	[FIELD_MESSAGE_ID] = { "MESSAGE_ID", NUMBER_MAX },
	[FIELD_MESSAGE] = { "MESSAGE", TEXT_MAX_BYTES },
	[FIELD_COREDUMP_UID] = { "COREDUMP_UID", NUMBER_MAX },
	[FIELD_COREDUMP_GID] = { "COREDUMP_GID", NUMBER_MAX },
	[FIELD_COREDUMP_PID] = { "COREDUMP_PID", NUMBER_MAX },
	[FIELD_COREDUMP_SIGNAL] = { "COREDUMP_SIGNAL", NUMBER_MAX },
	[FIELD_COREDUMP_TIMESTAMP] = { "COREDUMP_TIMESTAMP", NUMBER_MAX },
	[FIELD_COREDUMP_COMM] = { "COREDUMP_COMM", NAME_MAX_BYTES },
	[FIELD_COREDUMP_EXE] = { "COREDUMP_EXE", PATH_MAX_BYTES },
	[FIELD_COREDUMP_CMDLINE] = { "COREDUMP_CMDLINE", TEXT_MAX_BYTES },
	[FIELD_COREDUMP_UNIT] = { "COREDUMP_UNIT", NAME_MAX_BYTES },
	[FIELD_COREDUMP_USER_UNIT] = { "COREDUMP_USER_UNIT", NAME_MAX_BYTES },
	[FIELD_COREDUMP_SLICE] = { "COREDUMP_SLICE", NAME_MAX_BYTES },
	[FIELD_COREDUMP_CGROUP] = { "COREDUMP_CGROUP", PATH_MAX_BYTES },
	[FIELD_COREDUMP_CONTAINER_CMDLINE] = { "COREDUMP_CONTAINER_CMDLINE", PATH_MAX_BYTES },
	[FIELD_COREDUMP_FILENAME] = { "COREDUMP_FILENAME", PATH_MAX_BYTES },
	[FIELD_COREDUMP_TRUNCATED] = { "COREDUMP_TRUNCATED", NUMBER_MAX },
	[FIELD_COREDUMP_DUMPABLE] = { "COREDUMP_DUMPABLE", NUMBER_MAX },
	[FIELD_COREDUMP_PROC_LIMITS] = { "COREDUMP_PROC_LIMITS", TEXT_MAX_BYTES },
	[FIELD_COREDUMP_PROC_STATUS] = { "COREDUMP_PROC_STATUS", TEXT_MAX_BYTES },
	[FIELD_COREDUMP_THREAD_NAME] = { "COREDUMP_THREAD_NAME", NAME_MAX_BYTES },
	[FIELD_COREDUMP_PACKAGE_NAME] = { "COREDUMP_PACKAGE_NAME", NAME_MAX_BYTES },
	[FIELD_COREDUMP_PACKAGE_VERSION] = { "COREDUMP_PACKAGE_VERSION", NAME_MAX_BYTES },
	[FIELD_MUTE] = { "COREWATCH_MUTE", PATH_MAX_BYTES },
	[FIELD_MUTE_UNTIL] = { "COREWATCH_MUTE_UNTIL", NUMBER_MAX },
	[FIELD_UID] = { "_UID", NUMBER_MAX },
	[FIELD_GID] = { "_GID", NUMBER_MAX },
	[FIELD_BOOT_ID] = { "_BOOT_ID", NUMBER_MAX },
	[FIELD_MACHINE_ID] = { "_MACHINE_ID", NUMBER_MAX },
	[FIELD_HOSTNAME] = { "_HOSTNAME", NAME_MAX_BYTES },
	[FIELD_TRANSPORT] = { "_TRANSPORT", NUMBER_MAX },
	[FIELD_SYSTEMD_UNIT] = { "_SYSTEMD_UNIT", NAME_MAX_BYTES },
	[FIELD_SYSTEMD_USER_UNIT] = { "_SYSTEMD_USER_UNIT", NAME_MAX_BYTES },
};

int entry_new(const char *cursor, struct entry **ret_entry) {
	_cleanup_(entry_freep) struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	entry->cursor = strdup(cursor);
	if (!entry->cursor)
		return -ENOMEM;
	*ret_entry = take_ptr(entry);
	return 0;
}

void entry_free(struct entry *entry) {
	if (!entry)
		return;
	for (int i = 0; i < _FIELD_MAX; i++)
		free(entry->fields[i].value);
	free(entry->cursor);
	free(entry);
}

const char *field_name(enum field_id id) {
	return table[id].name;
}

enum field_id field_of(const char *data, size_t length) {
	const char *equals = memchr(data, '=', MIN(length, (size_t)NAME_MAX_BYTES));
	size_t n = equals ? (size_t)(equals - data) : 0;

	for (int i = 0; i < _FIELD_MAX; i++)
		if (n > 0 && strlen(table[i].name) == n && memcmp(table[i].name, data, n) == 0)
			return (enum field_id)i;
	return _FIELD_MAX;
}

int entry_add(struct entry *entry, enum field_id id, const char *value, size_t length) {
	struct field *field = &entry->fields[id];
	size_t kept = MIN(length, table[id].max);

	if (field->value) {
		field->count++;
		return 0;
	}
	field->value = malloc(kept + 1);
	if (!field->value)
		return -ENOMEM;
	memcpy(field->value, value, kept);
	field->value[kept] = 0;
	field->length = kept;
	field->cut = kept < length;
	field->count = 1;
	return 0;
}

bool entry_is_plain(const struct entry *entry, enum field_id id) {
	const struct field *field = &entry->fields[id];

	return field->count == 1 && !field->cut && strlen(field->value) == field->length;
}

void entry_forget(struct entry *entry, enum field_id id) {
	free(entry->fields[id].value);
	entry->fields[id] = (struct field){ .value = NULL };
}

const char *entry_get(const struct entry *entry, enum field_id id) {
	return entry->fields[id].value;
}
