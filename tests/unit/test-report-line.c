/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report_parse_line() against report_parse(): what both take says the same, and no text, however it is cut or spoilt,
 * makes the quick one read beyond it or say something else.
 */
#include "report-help.h"

static const char *const wanted[] = {
	"schema",     "report_id",          "time",            "process.pid",    "process.command", "process.executable.path",
	"verdict.id", "verdict.confidence", "verdict.summary", "fingerprint.id", "crash.signal.name", "process.user.id",
};

static void assert_same(json_object *line, json_object *whole) {
	for (size_t i = 0; i < ELEMENTSOF(wanted); i++) {
		json_object *a = json_get(line, wanted[i]), *b = json_get(whole, wanted[i]);

		assert_int_equal(a != NULL, b != NULL);
		if (a)
			assert_true(json_object_equal(a, b));
	}
}

static void test_same(void **state _unused_) {
	static const char *const names[] = { "report-recursion.records", "report-handler.records" };

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		_cleanup_json_ json_object *report = build_fixture(names[i]), *line = NULL;
		_cleanup_free_ char *pretty = strdup(report_to_json(report, true, NULL));
		const char *json = report_to_json(report, false, NULL);

		assert_int_equal(report_parse_line(json, strlen(json), &line), 0);
		assert_same(line, report);
		assert_null(json_get(line, "stack"));
		assert_null(json_get(line, "verdict.evidence"));
		json_putp(&line);
		/* Blanks between everything. */
		assert_int_equal(report_parse_line(pretty, strlen(pretty), &line), 0);
		assert_same(line, report);
	}
}

static void test_refused(void **state _unused_) {
	static const char *const texts[] = {
		"", "null", "[]", "{}", "{", "{\"schema\"", "{\"schema\":", "{\"schema\":\"corewatch.report/1\"}",
		"{\"schema\":\"corewatch.report/2\",\"verdict\":{\"id\":\"x\"}}",
		"{\"schema\":\"corewatch.report/1\",\"verdict\":{\"id\":\"NotKebab\"}}",
		"{\"schema\":\"corewatch.report/1\",\"verdict\":{\"id\":7}}",
		"{\"schema\":\"corewatch.report/1\",\"verdict\":{\"id\":\"x\",\"summary\":\"\\u001b[31m\"}}",
		"{\"schema\":\"corewatch.report/1\",\"verdict\":[\"id\"]}",
		"{\"schema\":\"corewatch.report/1\",\"verdict\":{\"id\":\"x\"}",
		"{\"schema\":\"corewatch.report/1\",\"verdict\":{\"id\":{\"id\":\"x\"}}}",
		"{\"schema\":\"corewatch.report/1\",\"stack\":[[[,\"verdict\":{\"id\":\"x\"}}",
		"{\"x\\\":\"corewatch.report/1\"}",
	};
	json_object *report = NULL;

	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		/* Without a terminator behind it: sanitizers and valgrind see who reads on. */
		size_t n = strlen(texts[i]);
		_cleanup_free_ char *exact = malloc(MAX(n, (size_t)1));

		memcpy(exact, texts[i], n);
		if (report_parse_line(exact, n, &report) >= 0)
			fail_msg("taken: %s", texts[i]);
		assert_null(report);
	}
}

/* Every beginning of a report, and every report with one character changed. */
static void test_spoilt(void **state _unused_) {
	static const char signs[] = "\"\\{}[],: \x01\xff";
	_cleanup_json_ json_object *report = build_fixture("report-recursion.records");
	const char *json = report_to_json(report, false, NULL);
	size_t length = strlen(json);

	for (size_t i = 0; i < length; i++) {
		_cleanup_free_ char *exact = malloc(MAX(i, (size_t)1));
		json_object *line = NULL;

		memcpy(exact, json, i);
		assert_true(report_parse_line(exact, i, &line) < 0);
	}
	for (size_t i = 0; i < length; i++) {
		_cleanup_free_ char *copy = malloc(length);
		_cleanup_json_ json_object *line = NULL, *whole = NULL;

		memcpy(copy, json, length);
		copy[i] = signs[i % (sizeof(signs) - 1)];
		if (report_parse_line(copy, length, &line) >= 0) {
			_cleanup_free_ char *text = strndup(copy, length);

			/* What the strict reader takes as well must say the same. */
			if (report_parse(text, length, &whole) >= 0)
				assert_same(line, whole);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_spoilt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
