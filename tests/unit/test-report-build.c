/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report_build(): whole, broken-off and hostile records, and what the journal knows. Whatever comes in, a valid report
 * comes out. */
#include "report-help.h"

#include "util/protocol.h"

static void test_whole(void **state _unused_) {
	_cleanup_json_ json_object *report = build_fixture("report-recursion.records");

	assert_int_equal(report_completeness(report), REPORT_COMPLETE);
	assert_member(report, "schema", "corewatch.report/1");
	assert_member(report, "time", "2026-11-22T11:58:18Z");
	assert_member(report, "verdict.id", "stack-overflow");
	assert_null(json_get(report, "verdict.priority"));
	assert_int_equal(json_get_count(report, "findings"), 3);
	assert_member(json_object_array_get_idx(json_get(report, "findings"), 0), "id", "stack-overflow");
	assert_member(json_object_array_get_idx(json_get(report, "findings"), 1), "id", "invalid-pointer");
	assert_null(json_get(json_object_array_get_idx(json_get(report, "findings"), 0), "priority"));
	assert_int_equal(json_get_count(report, "stack.frames"), 5);
	assert_int_equal(json_get_count(report, "modules"), 3);
	assert_member(report, "crash.fault.access", "write");
	assert_member(report, "process.executable.path", "/home/ada/rec");
	assert_member(report, "process.user.name", "ada");
	assert_member(report, "fingerprint.algorithm", "1:frames");
	assert_int_equal(json_get_count(report, "warnings"), 0);
}

static void test_crashed_thread_is_first_and_bare(void **state _unused_) {
	_cleanup_json_ json_object *report = build_text(
		"{\"record\":\"thread\",\"id\":1,\"stack\":{\"frame_count\":1,\"frames\":[{\"pc\":\"0x1\"}]}}\n"
		"{\"record\":\"thread\",\"id\":2,\"crashed\":true,\"stack\":{\"frame_count\":1,\"frames\":[{\"pc\":"
	        "\"0x2\"}]}}\n");
	json_object *threads = json_get_array(report, "threads");

	assert_number(report, "thread_count", 2);
	assert_number(json_object_array_get_idx(threads, 0), "id", 2);
	assert_null(json_get(json_object_array_get_idx(threads, 0), "stack"));
	assert_non_null(json_get(json_object_array_get_idx(threads, 1), "stack.frames"));
}

static void test_supports_is_never_the_verdict(void **state _unused_) {
	_cleanup_json_ json_object *report = build_text(
		"{\"record\":\"finding\",\"analyzer\":\"a\",\"id\":\"measure\",\"confidence\":\"certain\",\"summary\":"
	        "\"m\",\"priority\":99,\"supports\":true}\n"
		"{\"record\":\"finding\",\"analyzer\":\"b\",\"id\":\"low\",\"confidence\":\"likely\",\"summary\":\"l\","
	        "\"priority\":1}\n"
		"{\"record\":\"finding\",\"analyzer\":\"c\",\"id\":\"high\",\"confidence\":\"likely\",\"summary\":"
	        "\"h\",\"priority\":2}\n"
		"{\"record\":\"finding\",\"analyzer\":\"d\",\"id\":\"maybe\",\"confidence\":\"possible\",\"summary\":"
	        "\"p\",\"priority\":900}\n");
	static const char *const order[] = { "high", "low", "maybe", "measure" };

	assert_member(report, "verdict.id", "high");
	for (size_t i = 0; i < ELEMENTSOF(order); i++)
		assert_member(json_object_array_get_idx(json_get(report, "findings"), i), "id", order[i]);
}

static void test_only_measurements(void **state _unused_) {
	_cleanup_json_ json_object *report = build_text(
		"{\"record\":\"crash\",\"signal\":{\"number\":11,\"name\":\"SIGSEGV\"}}\n"
		"{\"record\":\"finding\",\"analyzer\":\"a\",\"id\":\"measure\",\"confidence\":\"certain\",\"summary\":"
	        "\"m\",\"supports\":true}\n");

	assert_member(report, "verdict.id", "unknown");
	assert_member(report, "verdict.analyzer", "corewatch");
	assert_int_equal(json_get_count(report, "findings"), 2);
}

static void test_nothing(void **state _unused_) {
	static const struct report_input input = {
		.worker = REPORT_WORKER_NONE, .signal = 11, .pid = 42, .core_state = "missing", .executable = "/bin/x"
	};
	_cleanup_json_ json_object *report = build_from(&input, NULL, 0);

	assert_int_equal(report_completeness(report), REPORT_NOTHING);
	assert_member(report, "verdict.id", "unknown");
	assert_member(report, "crash.signal.name", "SIGSEGV");
	assert_member(report, "core.state", "missing");
	assert_member(report, "fingerprint.algorithm", "0:signal-exe");
	assert_int_equal(json_get_count(report, "warnings"), 1);
}

static void test_cut_at_every_byte(void **state _unused_) {
	_cleanup_free_ char *data = read_source("tests/unit/data/report-handler.records");
	size_t n = strlen(data);
	struct report_input input = whole_input;

	/* The worker dies while it writes: every length is possible, only whole lines count. */
	input.worker = REPORT_WORKER_SIGNALED;
	input.worker_code = 11;
	for (size_t i = 0; i < n; i += 97) {
		_cleanup_json_ json_object *report = build_from(&input, data, i);

		assert_int_not_equal(report_completeness(report), REPORT_COMPLETE);
		assert_true(json_get_count(report, "warnings") >= 1);
		assert_member(
			json_object_array_get_idx(json_get(report, "warnings"), json_get_count(report, "warnings") - 1),
			"stage", "worker");
	}
}

static void test_endings(void **state _unused_) {
	static const char crash[] = "{\"record\":\"crash\",\"signal\":{\"number\":6,\"name\":\"SIGABRT\"}}\n";
	static const char ended[] = "{\"record\":\"crash\",\"signal\":{\"number\":6,\"name\":\"SIGABRT\"}}\n{"
	                            "\"record\":\"end\",\"complete\":true}\n";
	static const struct {
		const char *records;
		enum report_worker_status worker;
		int code;
		enum report_completeness expected;
	} cases[] = {
		{ ended, REPORT_WORKER_EXITED, WORKER_COMPLETE, REPORT_COMPLETE },
		{ ended, REPORT_WORKER_EXITED, WORKER_PARTIAL, REPORT_PARTIAL },
		{ ended, REPORT_WORKER_SIGNALED, 9, REPORT_PARTIAL },
		{ crash, REPORT_WORKER_EXITED, WORKER_COMPLETE, REPORT_PARTIAL },
		{ crash, REPORT_WORKER_TIMEOUT, 0, REPORT_PARTIAL },
		{ "", REPORT_WORKER_TIMEOUT, 0, REPORT_NOTHING },
		{ "", REPORT_WORKER_EXITED, WORKER_INTERNAL, REPORT_NOTHING },
		{ "", REPORT_WORKER_EXITED, WORKER_COMPLETE, REPORT_NOTHING },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		const struct report_input input = { .worker = cases[i].worker, .worker_code = cases[i].code };
		_cleanup_json_ json_object *report = build_from(&input, cases[i].records, strlen(cases[i].records));

		assert_int_equal(report_completeness(report), cases[i].expected);
	}
}

static void test_failure_is_told(void **state _unused_) {
	struct report_input input = whole_input;
	static const char text[] = "{\"record\":\"start\",\"protocol\":1}\n{\"record\":\"failure\",\"stage\":"
	                           "\"unpack\",\"message\":\"not an ELF core\"}\n";
	_cleanup_json_ json_object *report = NULL;

	input.worker_code = WORKER_NOTHING;
	report = build_from(&input, text, strlen(text));
	assert_int_equal(report_completeness(report), REPORT_NOTHING);
	assert_int_equal(json_get_count(report, "warnings"), 1);
	assert_member(json_object_array_get_idx(json_get(report, "warnings"), 0), "stage", "unpack");
}

/* One line each; all of it is refused or repaired, never believed. */
static void test_hostile_lines(void **state _unused_) {
	static const char *const lines[] = {
		"null",
		"[]",
		"{}",
		"\"crash\"",
		"{\"record\":1}",
		"{\"record\":\"crash\"",
		"{\"record\":\"crash\"}}",
		"{\"record\":\"unheard-of\",\"x\":1}",
		"{\"record\":\"crash\",\"signal\":7,\"fault\":[],\"thread\":null,\"registers\":{\"rip\":5}}",
		"{\"record\":\"crash\",\"signal\":{\"number\":1e999,\"name\":\"SIGSEGV\"}}",
		"{\"record\":\"crash\",\"signal\":{\"number\":99999999999999999999999,\"name\":\"SIGSEGV\"}}",
		"{\"record\":\"crash\",\"signal\":{\"number\":-1,\"name\":\"SIGSEGV\"}}",
		"{\"record\":\"crash\",\"signal\":{\"number\":11,\"name\":\"SIG\\u001b[31m\"}}",
		"{\"record\":\"crash\",\"signal\":{\"number\":11,\"name\":\"SIGSEGV\\u0000\"}}",
		"{\"record\":\"finding\",\"analyzer\":\"a\",\"id\":\"../../"
		"etc\",\"confidence\":\"certain\",\"summary\":\"x\"}",
		"{\"record\":\"finding\",\"analyzer\":\"a\",\"id\":\"x\",\"confidence\":\"absolutely\",\"summary\":"
		"\"x\"}",
		"{\"record\":\"finding\",\"analyzer\":\"a\",\"id\":\"x\",\"confidence\":\"certain\"}",
		"{\"record\":\"frame\",\"pc\":\"1234\"}",
		"{\"record\":\"frame\",\"pc\":\"0xFFFF\"}",
		"{\"record\":\"frame\",\"pc\":\"0x11112222333344445\"}",
		"{\"record\":\"module\",\"path\":{}}",
		"{\"record\":\"memory\",\"start\":\"0x1\",\"end\":\"0x2\"}",
		"{\"record\":\"end\",\"analysis_seconds\":NaN}",
		"{\"record\":\"end\",\"analysis_seconds\":Infinity,\"complete\":\"yes\"}",
		"{\"record\":\"fingerprint\",\"id\":\"xyz\",\"algorithm\":\"1\"}",
		"{\"record\":\"finding\",\"analyzer\":\"a\",\"id\":\"x\",\"confidence\":\"certain\",\"summary\":"
		"\"\\ud800\\udbff\",\"facts\":"
		"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":1}}}}},\"\\u001b\":1,\"n\":1e400,\"huge\":"
		"18446744073709551615}}",
	};
	_cleanup_free_ char *all = strdup("");

	for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
		_cleanup_free_ char *text = NULL, *before = all;
		_cleanup_json_ json_object *report = NULL;

		assert_true(asprintf(&text, "%s\n", lines[i]) > 0);
		assert_true(asprintf(&all, "%s%s\n", before, lines[i]) > 0);
		report = build_text(text);
		assert_null(strchr(report_to_json(report, false, NULL), '\x1b'));
	}
	json_object_put(build_text(all));
}

static void test_strings_are_cleaned(void **state _unused_) {
	static const char text[] = "{\"record\":\"process\",\"command\":\"a\\u001b]0;x\\u0007b\\u0085\\u202e\","
	                           "\"executable\":{\"path\":\"/tmp/\xff\xfe\\n\"}}\n"
				   "{\"record\":\"warning\",\"stage\":\"\x7f\",\"message\":\"\xc3\x28\"}\n";
	_cleanup_json_ json_object *report = build_text(text);

	assert_member(report, "process.command", "a?]0;x?b??");
	assert_member(report, "process.executable.path", "/tmp/\xef\xbf\xbd\xef\xbf\xbd?");
	assert_member(json_object_array_get_idx(json_get(report, "warnings"), 0), "message", "\xef\xbf\xbd(");
}

static void test_first_of_a_kind_wins(void **state _unused_) {
	_cleanup_json_ json_object *report = build_text(
		"{\"record\":\"process\",\"pid\":1,\"pid\":2,\"command\":\"first\"}\n{\"record\":\"process\",\"pid\":3,"
	        "\"command\":\"second\"}\n");

	assert_member(report, "process.command", "first");
	assert_member(json_object_array_get_idx(json_get(report, "warnings"), json_get_count(report, "warnings") - 1),
	              "stage", "worker");
}

static void test_nothing_follows_the_end(void **state _unused_) {
	_cleanup_json_ json_object *report = build_text("{\"record\":\"end\",\"complete\":true}\n"
	                                                "{\"record\":\"finding\",\"analyzer\":\"a\",\"id\":\"late\","
	                                                "\"confidence\":\"certain\",\"summary\":\"s\"}\n");

	assert_member(report, "verdict.id", "unknown");
	assert_int_not_equal(report_completeness(report), REPORT_COMPLETE);
}

static void test_journal_goes_first(void **state _unused_) {
	static const char text[] = "{\"record\":\"process\",\"pid\":1,\"command\":\"liar\",\"executable\":{\"path\":\"/"
	                           "bin/liar\",\"language\":\"C\"},\"user\":{\"id\":0}}\n"
				   "{\"record\":\"crash\",\"signal\":{\"number\":9,\"name\":\"SIGKILL\"}}\n";
	struct report_input input = whole_input;
	_cleanup_json_ json_object *report = NULL;

	input.report_id = "0123456789abcdef0123456789abcdef";
	input.pid = 4242;
	input.has_uid = true;
	input.uid = 1000;
	input.command = "tru\x1bth";
	input.executable = "/usr/bin/truth";
	input.signal = 11;
	report = build_from(&input, text, strlen(text));
	assert_member(report, "report_id", input.report_id);
	assert_number(report, "process.pid", 4242);
	assert_number(report, "process.user.id", 1000);
	assert_member(report, "process.command", "tru?th");
	assert_member(report, "process.executable.path", "/usr/bin/truth");
	assert_member(report, "process.executable.name", "truth");
	assert_member(report, "process.executable.language", "C");
	assert_member(report, "crash.signal.name", "SIGSEGV");
}

static void test_report_id_is_stable(void **state _unused_) {
	_cleanup_free_ char *data = read_source("tests/unit/data/report-recursion.records");
	size_t costs = (size_t)(strstr(data, "0.062") - data);
	_cleanup_json_ json_object *first = build_text(data), *second = NULL, *other = NULL;
	struct report_input input = whole_input;

	memcpy(data + costs, "9.876", 5);
	second = build_text(data);
	assert_member(second, "report_id", json_get_string(first, "report_id"));
	input.core_path = "/elsewhere";
	other = build_from(&input, data, strlen(data));
	assert_string_not_equal(json_get_string(other, "report_id"), json_get_string(first, "report_id"));
}

/* Lists that grow without end stop at their limits, and frames beyond are counted. */
static void test_limits_of_lists(void **state _unused_) {
	static const char frame[] = "{\"record\":\"frame\",\"pc\":\"0x1\",\"count\":3,\"cycle\":[\"a\",\"b\"]}\n";
	static const char finding[] = "{\"record\":\"finding\",\"analyzer\":\"a\",\"id\":\"x\",\"confidence\":"
	                              "\"certain\",\"summary\":\"s\"}\n";
	static const char warning[] = "{\"record\":\"warning\",\"stage\":\"s\",\"message\":\"m\"}\n";
	static const struct {
		const char *line, *path;
		size_t n, kept;
	} cases[] = {
		{ frame, "stack.frames", RECORD_MAX_FRAMES + 10, RECORD_MAX_FRAMES },
		{ finding, "findings", RECORD_MAX_FINDINGS * 2, RECORD_MAX_FINDINGS },
		{ warning, "warnings", RECORD_MAX_WARNINGS * 2, RECORD_MAX_WARNINGS },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		size_t n = strlen(cases[i].line);
		_cleanup_free_ char *text = malloc(n * cases[i].n + 1);
		_cleanup_json_ json_object *report = NULL;

		for (size_t k = 0; k < cases[i].n; k++)
			memcpy(text + k * n, cases[i].line, n);
		report = build_from(&whole_input, text, n * cases[i].n);
		assert_int_equal(json_get_count(report, cases[i].path), cases[i].kept);
		if (i == 0)
			assert_number(report, "stack.frames_omitted", 10 * 3 * 2);
		assert_int_not_equal(report_completeness(report), REPORT_COMPLETE);
	}
}

static void test_thread_frames_are_cut(void **state _unused_) {
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *f = open_memstream(&text, &length);
	_cleanup_json_ json_object *report = NULL;
	json_object *thread;

	fputs("{\"record\":\"thread\",\"id\":7,\"stack\":{\"frame_count\":400,\"frames\":[{\"pc\":\"0x1\"}", f);
	for (int i = 1; i < 400; i++)
		fputs(",{\"pc\":\"0x2\"}", f);
	fputs("]}}\n", f);
	fclose(f);
	report = build_from(&whole_input, text, length);
	thread = json_object_array_get_idx(json_get(report, "threads"), 0);
	assert_int_equal(json_get_count(thread, "stack.frames"), RECORD_MAX_THREAD_FRAMES);
	assert_number(thread, "stack.frames_omitted", 400 - RECORD_MAX_THREAD_FRAMES);
}

/* Bytes that are cheap to write and dear to parse: depth, empty arrays, one endless line. */
static void test_bombs(void **state _unused_) {
	static const char *const units[] = { "[", "[],", "{\"a\":", "\"\\u0000\",", "1,", "{}," };

	for (size_t i = 0; i < ELEMENTSOF(units); i++) {
		size_t size = RECORD_MAX, n = strlen(units[i]), used;
		_cleanup_free_ char *text = malloc(size + 64);

		used = (size_t)sprintf(text, "{\"record\":\"crash\",\"registers\":[");
		while (used + n < size)
			used += (size_t)(stpcpy(text + used, units[i]) - (text + used));
		text[used++] = '\n';
		json_object_put(build_from(&whole_input, text, used));
	}
}

static void test_random_bytes(void **state _unused_) {
	_cleanup_free_ char *data = read_source("tests/unit/data/report-handler.records");
	size_t n = strlen(data);
	uint64_t x = 88172645463325252u;

	for (int round = 0; round < 400; round++) {
		_cleanup_free_ char *copy = malloc(n + 1);

		memcpy(copy, data, n + 1);
		for (int k = 0; k <= round % 24; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			copy[x % n] = (char)(x >> 32);
		}
		json_object_put(build_from(&whole_input, copy, n));
	}
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_crashed_thread_is_first_and_bare),
		cmocka_unit_test(test_supports_is_never_the_verdict),
		cmocka_unit_test(test_only_measurements),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_endings),
		cmocka_unit_test(test_failure_is_told),
		cmocka_unit_test(test_hostile_lines),
		cmocka_unit_test(test_strings_are_cleaned),
		cmocka_unit_test(test_first_of_a_kind_wins),
		cmocka_unit_test(test_nothing_follows_the_end),
		cmocka_unit_test(test_journal_goes_first),
		cmocka_unit_test(test_report_id_is_stable),
		cmocka_unit_test(test_limits_of_lists),
		cmocka_unit_test(test_thread_frames_are_cut),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests_name("report-build", tests, NULL, NULL);
}
