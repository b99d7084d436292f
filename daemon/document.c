/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See document.h. All texts of the entry are handed over as they are: report/ cleans them. */
#include "daemon/document.h"

#include <fcntl.h>
#include <pwd.h>

#include "util/io.h"

/* os-release(5) is a few hundred bytes. */
#define OS_RELEASE_MAX KIB(64)


/* The local name of a uid. Without NSS: a directory service that does not answer must not stop the daemon. */
static char *user_name(uint32_t uid) {
	_cleanup_fclose_ FILE *f = fopen("/etc/passwd", "re");
	struct passwd *user;

	while (f && (user = fgetpwent(f)))
		if (user->pw_uid == uid)
			return strdup(user->pw_name);
	return NULL;
}

int document_build(const struct crash *crash, const char *os_name, const struct worker_end *end, const char *records,
                   size_t length, json_object **ret_report) {
	_cleanup_free_ char *user = user_name(crash->uid);
	const struct entry *entry = crash->entry;
	struct report_input input = {
		.revision = crash->revision,
		.report_id = crash->id,
		.has_time = true,
		.time_usec = crash->timestamp,
		.host_name = entry_get(entry, FIELD_HOSTNAME),
		.host_id = entry_get(entry, FIELD_MACHINE_ID),
		.boot_id = entry_get(entry, FIELD_BOOT_ID),
		.os = os_name,
		.pid = crash->pid,
		.has_uid = true,
		.uid = crash->uid,
		.user_name = user,
		.command = entry_get(entry, FIELD_COREDUMP_COMM),
		.executable = entry_get(entry, FIELD_COREDUMP_EXE),
		.command_line = entry_get(entry, FIELD_COREDUMP_CMDLINE),
		.unit = entry_get(entry, FIELD_COREDUMP_UNIT),
		.user_unit = entry_get(entry, FIELD_COREDUMP_USER_UNIT),
		.slice = entry_get(entry, FIELD_COREDUMP_SLICE),
		.cgroup = entry_get(entry, FIELD_COREDUMP_CGROUP),
		.container_command = entry_get(entry, FIELD_COREDUMP_CONTAINER_CMDLINE),
		.package = entry_get(entry, FIELD_COREDUMP_PACKAGE_NAME),
		.package_version = entry_get(entry, FIELD_COREDUMP_PACKAGE_VERSION),
		.signal = crash->signal,
		.core_state = core_state_name(crash->core_state),
		.core_path = entry_get(entry, FIELD_COREDUMP_FILENAME),
		.has_core_bytes = crash->core_bytes > 0,
		.core_bytes = crash->core_bytes,
		.journal_cursor = entry->cursor,
		.worker = end->status,
		.worker_code = end->code,
		.worker_message = end->message,
	};

	return report_build(&input, records, length, ret_report);
}

const char *document_fingerprint(json_object *report) {
	json_object *fingerprint, *id;

	if (!json_object_object_get_ex(report, "fingerprint", &fingerprint) ||
	    !json_object_object_get_ex(fingerprint, "id", &id))
		return NULL;
	return json_object_get_string(id);
}

char *os_pretty_name(const char *path) {
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	size_t length;
	char *rest, *line;

	if (fd < 0 || read_whole(fd, OS_RELEASE_MAX, &text, &length) < 0)
		return NULL;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		char *value = line + strlen("PRETTY_NAME=");

		if (!str_has_prefix(line, "PRETTY_NAME="))
			continue;
		if (*value == '"' || *value == '\'') {
			value[1 + strcspn(value + 1, (const char[]){ *value, 0 })] = 0;
			value++;
		}
		return strdup(value);
	}
	return NULL;
}
