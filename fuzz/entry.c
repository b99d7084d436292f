/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A journal entry that claims to be systemd-coredump's: lines "NAME=value" of the input are its fields. Promises: it is
 * refused with a reason, or is a crash whose report can be made and sent, in clean fields; whoever is not privileged
 * speaks for his own uid only; and nobody is handed a file that is not proved to be the crash's core.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "daemon/admit.h"
#include "daemon/document.h"
#include "daemon/procinfo.h"
#include "daemon/submit-fields.h"
#include "daemon/submit.h"
#include "daemon/triage.h"
#include "report/json.h"
#include "util/parse.h"

#define FOLDER_FD 200
#define FOLDER "/proc/self/fd/200" /* what seeds call the folder of cores */
#define COREDUMP_USER 995

static char folder[] = "/tmp/fuzz-entry-XXXXXX";

/* The one core that is there, and whose it is. */
static const struct { const char *name, *value; } proof[] = {
	{ "user.coredump.uid", "1000" },
	{ "user.coredump.gid", "1000" },
	{ "user.coredump.pid", "77" },
	{ "user.coredump.signal", "11" },
	{ "user.coredump.timestamp", "1700000000000000" },
};

static void clean_up(void) {
	(void)unlinkat(FOLDER_FD, "core.prog", 0);
	(void)rmdir(folder);
}

static void set_up(void) {
	_cleanup_close_ int dir = -EBADF, core = -EBADF;

	if (strstr(folder, "-XXXXXX") == NULL)
		return;
	fuzz_check(mkdtemp(folder));
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fuzz_check(dir >= 0 && dup3(dir, FOLDER_FD, O_CLOEXEC) == FOLDER_FD);
	atexit(clean_up);
	core = openat(dir, "core.prog", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	fuzz_check(core >= 0 && write_full(core, "core", 4) == 0);
	/* Where the file system has no such attributes the core is inaccessible, which is a way of its own. */
	for (size_t i = 0; i < ELEMENTSOF(proof); i++)
		(void)fsetxattr(core, proof[i].name, proof[i].value, strlen(proof[i].value), 0);
}

static void read_entry(const uint8_t *data, size_t size, struct entry *entry) {
	const char *line = (const char *)data, *end = line + size;

	for (const char *next; line < end; line = next + 1) {
		enum field_id id;

		next = memchr(line, '\n', (size_t)(end - line)) ?: end;
		id = field_of(line, (size_t)(next - line));
		if (id != _FIELD_MAX) {
			size_t name = strlen(field_name(id)) + 1;
			fuzz_check(entry_add(entry, id, line + name, (size_t)(next - line) - name) == 0);
		} else if (next - line >= 9 && memcmp(line, "COREDUMP=", 9) == 0)
			entry->has_core = true;
	}
}

static void check_fields(const struct crash *crash, json_object *report) {
	struct submit_fields fields;

	fuzz_check(submit_fields_make(crash, report, &fields) == 0);
	for (size_t i = 0; i < fields.n; i++) {
		fuzz_check_text(fields.iov[i].iov_base, fields.iov[i].iov_len, false);
		fuzz_check(!memchr(fields.iov[i].iov_base, '\n', fields.iov[i].iov_len));
		/* Only those who cannot be a user's forgery write into the log of a unit. */
		if (memmem(fields.iov[i].iov_base, fields.iov[i].iov_len, "OBJECT_", 7) == fields.iov[i].iov_base)
			fuzz_check(crash->privileged || crash->attributed);
	}
	submit_fields_done(&fields);
}

static void check_crash(const struct crash *crash) {
	struct worker_end end = { .status = REPORT_WORKER_NONE, .message = crash->core_problem };
	const struct triage_self self = { .unit = "corewatch.service" };
	const struct triage_key key = triage_key_of(crash);
	_cleanup_json_ json_object *report = NULL;
	const char *limits = entry_get(crash->entry, FIELD_COREDUMP_PROC_LIMITS),
		   *sender = entry_get(crash->entry, FIELD_UID);
	uint64_t stack;
	uint32_t uid;

	fuzz_check(is_hex(crash->id, 32) && crash->pid > 0 && crash->signal >= 1 && crash->signal <= 64);
	fuzz_check(crash->privileged || (parse_uid(sender, &uid) == 0 && uid == crash->uid));
	fuzz_check(crash->core_fd < 0 || (crash->uid == 1000 && crash->pid == 77 && crash->core_bytes == 4));
	fuzz_check(!submit_as_owner(crash) || !uid_is_system(crash->uid));
	if (limits)
		(void)limits_stack_size(limits, &stack);
	fuzz_check(!triage_believes(1000, "session-1.scope", &self, &key)); /* an owner can hide nothing */
	fuzz_check(document_build(crash, "Some OS", &end, NULL, 0, &report) == 0);
	fuzz_check(report_is_valid(report));
	check_fields(crash, report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	const struct admit_policy policy = { true, COREDUMP_USER, { FOLDER, geteuid(), MIB(1) } };
	_cleanup_(entry_freep) struct entry *entry = NULL;
	_cleanup_(crash_freep) struct crash *crash = NULL;
	const char *reason = NULL;
	bool suspect;
	int early, r;

	set_up();
	fuzz_check(entry_new("s=1;i=1", &entry) == 0);
	read_entry(data, size, entry);
	early = admit_entry(&policy, entry, &suspect, &reason);
	fuzz_check(early == 0 || (early == -EBADMSG && reason));
	r = admit(&policy, entry, &crash, &reason);
	fuzz_check(r == 0 || (r == -EBADMSG && reason));
	fuzz_check(r < 0 || early == 0);
	if (r == 0) {
		entry = NULL; /* the crash's */
		fuzz_check(suspect == !(crash->attributed || crash->privileged));
		check_crash(crash);
	}
	return 0;
}
