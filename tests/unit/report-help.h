/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For the tests of report/: fixtures of tests/unit/data, reports from text, and REPORT_DUMP_DIR, a folder where every
 * report that passes here is left, so that tests/system/validate-reports can hold it against the schema.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>

#include <fcntl.h>

#include "report/json.h"
#include "report/report.h"
#include "util/io.h"
#include "util/macro.h"

#include <cmocka.h>

/* Of the source tree: automake's tests run with $srcdir set. */
static inline char *source_path(const char *name) {
	const char *top = getenv("srcdir");
	char *path;

	assert_true(asprintf(&path, "%s/%s", top ? top : ".", name) > 0);
	return path;
}

/* Not inlined: gcc 12 with sanitizers takes the caller's pointer for one to this frame. */
static _unused_ __attribute__((noinline)) char *read_source(const char *name) {
	_cleanup_free_ char *path = source_path(name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *data;
	size_t length;

	if (fd < 0)
		fail_msg("cannot open %s (set srcdir to the top of the source tree)", path);
	assert_int_equal(read_whole(fd, MIB(16), &data, &length), 0);
	return data;
}

static inline void dump_report(json_object *report) {
	static unsigned count;
	const char *folder = getenv("REPORT_DUMP_DIR");
	_cleanup_free_ char *name = NULL;
	_cleanup_fclose_ FILE *file = NULL;

	if (!folder)
		return;
	assert_true(asprintf(&name, "%s/%s-%u.json", folder, program_invocation_short_name, count++) > 0);
	file = fopen(name, "we");
	assert_non_null(file);
	assert_true(fprintf(file, "%s\n", report_to_json(report, false, NULL)) > 0);
}

/* What a healthy worker's run is like. */
static const struct report_input whole_input = {
	.has_time = true,
	.time_usec = UINT64_C(1795348698000000), /* 2026-11-22 11:58:18 UTC */
	.user_name = "ada",
	.core_state = "present",
	.core_path = "/var/lib/systemd/coredump/core.rec.1000.b00t.2860.1795348698000000.zst",
	.worker = REPORT_WORKER_EXITED,
};

static inline json_object *build_from(const struct report_input *input, const char *records, size_t length) {
	json_object *report;

	assert_int_equal(report_build(input, records, length, &report), 0);
	assert_true(report_is_valid(report));
	dump_report(report);
	return report;
}

static inline json_object *build_text(const char *records) {
	return build_from(&whole_input, records, strlen(records));
}

static inline json_object *build_fixture(const char *name) {
	_cleanup_free_ char *path = NULL, *data = NULL;

	assert_true(asprintf(&path, "tests/unit/data/%s", name) > 0);
	data = read_source(path);
	return build_text(data);
}

#define assert_member(report, path, expected)                        \
	do {                                                         \
		const char *member_ = json_get_string(report, path); \
		if (!member_)                                        \
			fail_msg("no %s in the report", path);       \
		assert_string_equal(member_, expected);              \
	} while (0)
#define assert_number(report, path, expected)                  \
	do {                                                   \
		int64_t number_;                               \
		if (!json_get_integer(report, path, &number_)) \
			fail_msg("no %s in the report", path); \
		assert_int_equal(number_, expected);           \
	} while (0)
