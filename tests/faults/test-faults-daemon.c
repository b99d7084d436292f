/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon/ and util/ when memory ends, the disk is full or broken, and transfers are short: an entry is admitted, its
 * report made and written, the state kept, the configuration read. Either all is right, or a clean error is returned,
 * upon which the daemon ends or tries again with the crash still in the queue. What may never be: a genuine entry taken
 * for a forgery, a setting that was lost without a word, half a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <dirent.h>

#include <cmocka.h>

#include "../unit/admit-fixture.h"
#include "daemon/config.h"
#include "daemon/document.h"
#include "daemon/state.h"
#include "daemon/submit-fields.h"
#include "daemon/submit.h"
#include "inject.h"
#include "report/json.h"
#include "util/io.h"
#include "util/log.h"
#include "util/spawn.h"

static const struct { enum inject what; int error; const char *name;
} faults[] = {
	{ INJECT_MEMORY, ENOMEM, "memory" },
	{ INJECT_READ, EIO, "reading" },
	{ INJECT_WRITE, ENOSPC, "a full disk" },
	{ INJECT_WRITE, EIO, "a broken disk" },
	{ INJECT_OPEN, EMFILE, "opening" },
	{ INJECT_SHORT, 0, "short transfers" },
};

static void each_fault(const char *name, inject_scenario scenario, void *data) {
	for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
		unsigned n = inject_each(faults[i].what, faults[i].error, scenario, data);

		print_message("# %s, %s: %u runs\n", name, faults[i].name, n);
	}
}

/* An error is only what the fault explains. */
static int clean_error(bool fault, int r) {
	inject_pause();
	if (!fault || !inject_happened() || (r != -ENOMEM && r != -EIO && r != -ENOSPC && r != -EMFILE))
		fail_msg("%s", strerror(-r));
	inject_resume();
	return r;
}

/* ── an entry becomes a report ── */

static int copy_entry(const struct entry *from, struct entry **ret) {
	_cleanup_(entry_freep) struct entry *entry = NULL;
	int r = entry_new(from->cursor, &entry);

	for (int i = 0; i < _FIELD_MAX && r >= 0; i++)
		if (from->fields[i].value)
			r = entry_add(entry, (enum field_id)i, from->fields[i].value, from->fields[i].length);
	if (r >= 0)
		*ret = take_ptr(entry);
	return r;
}

static int check_admit(bool fault, void *data) {
	struct fixture *f = data;
	_cleanup_(crash_freep) struct crash *crash = NULL;
	_cleanup_(entry_freep) struct entry *entry = NULL;
	const char *reason = NULL;
	int r = copy_entry(f->entry, &entry);

	if (r >= 0)
		r = admit(&f->policy, entry, &crash, &reason);
	if (r < 0) {
		if (r == -EBADMSG)
			fail_msg("a genuine entry was refused: %s", reason);
		return clean_error(fault, r);
	}
	entry = NULL;
	inject_pause();
	/* Where the core could not be opened the report says so, and is made all the same. */
	if (crash->core_fd < 0)
		assert_true(fault && crash->core_state == CORE_INACCESSIBLE && crash->core_problem);
	else
		assert_true(crash->core_state == CORE_PRESENT && crash->owner_may_read);
	inject_resume();
	return 0;
}

static void test_admit(void **state) {
	struct fixture *f = *state;

	make_core(f);
	grant(f, 4242, 4, 4);
	each_fault("admit", check_admit, f);
}

#define RECORDS                                                                                                        \
	"{\"record\":\"start\",\"protocol\":1}\n{\"record\":\"crash\",\"signal\":{\"number\":11,\"name\":\"SIGSEGV\"}" \
	"}\n"                                                                                                          \
	"{\"record\":\"fingerprint\",\"id\":\"0123456789abcdef\"}\n{\"record\":\"end\",\"complete\":true}\n"

static int write_report(const struct crash *crash, const char *path) {
	struct worker_end end = { .status = REPORT_WORKER_EXITED };
	_cleanup_json_ json_object *report = NULL;
	struct submit_fields fields = { .n = 0 };
	int r = document_build(crash, "Some OS", &end, RECORDS, strlen(RECORDS), &report);

	if (r >= 0)
		r = report_set_seen(report, 2, 5);
	if (r >= 0)
		r = submit_fields_make(crash, report, &fields);
	if (r >= 0)
		r = submit_fields_export(&fields, 1000, path);
	submit_fields_done(&fields);
	return r;
}

static char *read_path(const char *path, size_t *ret_length) {
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;

	assert_true(fd >= 0 && read_whole(fd, MIB(1), &text, ret_length) == 0);
	return text;
}

struct exported {
	struct fixture *f;
	char path[PATH_MAX + 64];
	size_t whole; /* bytes of one entry */
};

/* The file holds whole entries: one more, or not. */
static int check_export(bool fault, void *data) {
	struct exported *e = data;
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r, fd;

	inject_pause();
	fd = creat(e->path, 0600);
	assert_true(fd >= 0 && write_full(fd, "A=1\n\n", 5) == 0);
	close(fd);
	inject_resume();
	r = write_report(e->f->crash, e->path);
	inject_pause();
	text = read_path(e->path, &length);
	assert_true(length >= 5 && memcmp(text, "A=1\n\n", 5) == 0);
	if (r < 0)
		assert_int_equal(length, 5);
	else {
		assert_non_null(strstr(text, "COREWATCH_REPORT={"));
		assert_true(length > 1000 && str_has_suffix(text, "\n\n"));
		/* A report that could not be measured is there twice, shortened and whole. */
		e->whole = e->whole ?: length;
		assert_true(fault ? length >= e->whole : length == e->whole);
	}
	inject_resume();
	return r < 0 ? clean_error(fault, r) : 0;
}

static void test_report(void **state) {
	struct exported e = { .f = *state };

	make_core(e.f);
	passes(e.f);
	snprintf(e.path, sizeof(e.path), "%s/out", e.f->directory);
	each_fault("report", check_export, &e);
}

static int check_records(bool fault, void *data) {
	_cleanup_free_ char *text = NULL;
	size_t length;
	bool is_cut;
	int r = spawn_read_records(*(int *)data, &text, &length, &is_cut);

	if (r < 0)
		return clean_error(fault, r);
	inject_pause();
	assert_int_equal(length, 3 * strlen(RECORDS));
	assert_false(is_cut);
	assert_memory_equal(text + length - strlen(RECORDS), RECORDS, strlen(RECORDS));
	inject_resume();
	return 0;
}

static void test_records(void **state) {
	_cleanup_close_ int fd = spawn_records_fd();

	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(write_full(fd, RECORDS, strlen(RECORDS)), 0);
	each_fault("records", check_records, &fd);
}

/* ── state ── */

#define OLD_CURSOR "s=1;i=1"
#define NEW_CURSOR "s=1;i=2"
#define FINGERPRINT "0123456789abcdef"
#define OLD_COUNTS "corewatch-fingerprints 1\n" FINGERPRINT " 10 20 7\n"

static void put(const char *directory, const char *name, const char *text) {
	char path[2 * PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = creat(path, 0600);
	assert_true(fd >= 0 && write_full(fd, text, strlen(text)) == 0);
	close(fd);
}

static bool holds(const char *directory, const char *name, const char *text) {
	_cleanup_free_ char *found = NULL;
	char path[2 * PATH_MAX];
	size_t length;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	found = read_path(path, &length);
	return streq(found, text);
}

static unsigned count_files(const char *directory) {
	struct dirent **entries;
	int n = scandir(directory, &entries, NULL, NULL);

	assert_true(n >= 0);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return (unsigned)n - 2;
}

static void forget_file(const char *directory, const char *name) {
	char path[2 * PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	unlink(path);
}

static int use_state(bool fault, const char *directory) {
	_cleanup_(state_freep) struct state *s = NULL;
	uint64_t seen, first;
	int r = state_open(directory, &s);

	if (r < 0)
		return clean_error(fault, r);
	r = state_count(s, FINGERPRINT, 15, &seen, &first);
	if (r >= 0) {
		assert_true(fault ? seen == 8 || seen == 1 : seen == 8 && first == 10);
		r = state_save(s, NEW_CURSOR);
	}
	return r < 0 ? clean_error(fault, r) : 0;
}

static int check_state(bool fault, void *data) {
	const char *directory = data;
	bool old_cursor, new_cursor;
	int r;

	inject_pause();
	put(directory, "cursor", OLD_CURSOR "\n");
	put(directory, "fingerprints", OLD_COUNTS);
	inject_resume();
	r = use_state(fault, directory);
	inject_pause();
	old_cursor = holds(directory, "cursor", OLD_CURSOR "\n");
	new_cursor = holds(directory, "cursor", NEW_CURSOR "\n");
	assert_true(r < 0 || fault ? old_cursor || new_cursor : new_cursor);
	assert_true(holds(directory, "fingerprints", OLD_COUNTS) ||
		    holds(directory, "fingerprints", "corewatch-fingerprints 1\n" FINGERPRINT " 10 20 8\n") ||
		    (fault && holds(directory, "fingerprints", "corewatch-fingerprints 1\n" FINGERPRINT " 15 15 1\n")));
	/* Mutes are written anew with a folder that was not there before; without one the daemon goes on with what it had. */
	forget_file(directory, "mutes");
	assert_int_equal(count_files(directory), 2);
	inject_resume();
	return r;
}

/* Memory that ends is no damage: what was saved is not thrown away. */
static int check_open(bool fault, void *data) {
	_cleanup_(state_freep) struct state *s = NULL;
	uint64_t seen, first;
	int r;

	inject_pause();
	put(data, "cursor", OLD_CURSOR "\n");
	put(data, "fingerprints", OLD_COUNTS);
	inject_resume();
	r = state_open(data, &s);
	if (r < 0)
		return clean_error(fault, r);
	inject_pause();
	assert_non_null(state_cursor(s));
	assert_string_equal(state_cursor(s), OLD_CURSOR);
	assert_int_equal(state_count(s, FINGERPRINT, 15, &seen, &first), 0);
	assert_int_equal(seen, 8);
	inject_resume();
	return 0;
}

static void test_state(void **state) {
	struct fixture *f = *state;
	char directory[PATH_MAX + 16];

	snprintf(directory, sizeof(directory), "%s/state", f->directory);
	assert_return_code(mkdir(directory, 0700), errno);
	each_fault("state", check_state, directory);
	(void)inject_each(INJECT_MEMORY, ENOMEM, check_open, directory);
}

static int check_progress(bool fault, void *data) {
	_cleanup_(progress_freep) struct progress *p = NULL;
	struct ticket *tickets[4];
	int r = progress_new(&p);

	(void)data;
	for (size_t i = 0; i < ELEMENTSOF(tickets) && r >= 0; i++)
		r = progress_begin(p, i % 2 ? "s=1;i=1" : "s=1;i=0", &tickets[i]);
	if (r < 0)
		return clean_error(fault, r);
	progress_end(p, tickets[1]);
	progress_end(p, tickets[2]);
	assert_null(progress_cursor(p));
	progress_end(p, tickets[0]);
	assert_string_equal(progress_cursor(p), "s=1;i=0");
	progress_end(p, tickets[3]);
	assert_string_equal(progress_cursor(p), "s=1;i=1");
	return 0;
}

static void test_progress(void **state) {
	(void)state;
	each_fault("progress", check_progress, NULL);
}

/* ── configuration ── */

#define CONFIG "[Daemon]\nMaxWorkers=7\nCoreDirectory=/cores\n[Worker]\nMemoryMax=1G\n[Analyzers]\nEnable=a b* c\n"
#define DROP_IN "[Analyzers]\nDisable=x\n[Analyzer signal]\nKey=value\n"

static int check_config(bool fault, void *data) {
	_cleanup_(config_freep) struct config *c = NULL;
	int r = config_load(data, &c);

	if (r < 0)
		return clean_error(fault, r);
	inject_pause();
	/*
	 * A file that cannot be opened or read was told, and the rest is read; lack of memory is never half a
	 * configuration.
	 */
	if (!fault || errno == ENOMEM || c->max_workers == 7) {
		assert_int_equal(c->max_workers, 7);
		assert_int_equal(c->memory_max, GIB(1));
		assert_string_equal(c->core_directory, "/cores");
		assert_true(c->enable && c->enable[0] && c->enable[1] && c->enable[2] && streq(c->enable[2], "c"));
		assert_true(c->disable && c->disable[0] && streq(c->disable[0], "x"));
		assert_true(c->analyzer_options && streq(c->analyzer_options[0], "signal.Key=value"));
	} else
		fail_msg("half a configuration");
	inject_resume();
	return 0;
}

static void test_config(void **state) {
	struct fixture *f = *state;
	static const char *const folders[] = { "etc", "etc/corewatch", "etc/corewatch/corewatch.conf.d" };
	char path[PATH_MAX + 64];
	unsigned n;

	for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->directory, folders[i]);
		assert_return_code(mkdir(path, 0700), errno);
	}
	put(f->directory, "etc/corewatch/corewatch.conf", CONFIG);
	put(f->directory, "etc/corewatch/corewatch.conf.d/10.conf", DROP_IN);
	n = inject_each(INJECT_MEMORY, ENOMEM, check_config, f->directory);
	print_message("# config, memory: %u runs\n", n);
	assert_true(n > 20);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_admit),
		TEST(test_report),
		cmocka_unit_test(test_records),
		TEST(test_state),
		cmocka_unit_test(test_progress),
		TEST(test_config),
	};

	/* What is told of each of some thousand failures is not looked at. */
	log_set_max_level(-1);
	return cmocka_run_group_tests_name("faults-daemon", tests, NULL, NULL);
}
