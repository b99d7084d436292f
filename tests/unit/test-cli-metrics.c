/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cli/metrics-*.c: what is counted where, that labels stay few and clean, that nothing goes down, and that a saved state
 * is read back as it was or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>

#include "cli/metrics.h"

#define DAY (24 * 3600 * USEC_PER_SEC)
#define START (1795348698 * USEC_PER_SEC)

static int set_up(void **state) {
	return metrics_new((struct metrics **)state);
}

static int tear_down(void **state) {
	metrics_free(*state);
	return 0;
}

static char *render(const struct metrics *metrics) {
	char *text;
	size_t length;

	assert_int_equal(metrics_render(metrics, &text, &length), 0);
	assert_int_equal(strlen(text), length);
	return text;
}

/* The value of a line that begins so, or -1. */
static double value_of(const struct metrics *metrics, const char *series) {
	_cleanup_free_ char *text = render(metrics), *wanted = NULL;
	char *at;

	assert_true(asprintf(&wanted, "\n%s ", series) > 0);
	at = strstr(text, wanted);
	return at ? strtod(at + strlen(wanted), NULL) : -1;
}

static size_t count_lines(const struct metrics *metrics, const char *prefix) {
	_cleanup_free_ char *text = render(metrics);
	size_t n = 0;

	for (char *at = text; (at = strstr(at, prefix)); at++)
		n += at == text || at[-1] == '\n';
	return n;
}

static void crash(struct metrics *metrics, const char *exe, uint64_t time_usec) {
	assert_int_equal(metrics_count_crash(metrics, &(struct metrics_crash){ "null-dereference", "SIGSEGV", exe, NULL,
	                                                                      time_usec }),
	                 0);
}

static void assert_value(const struct metrics *metrics, const char *series, double wanted) {
	double value = value_of(metrics, series);

	if (value < wanted - 1e-9 || value > wanted + 1e-9)
		fail_msg("%s is %f, not %f", series, value, wanted);
}

static void test_begin(void **state) {
	/* Series are there before the first crash, or increase() would not see it. */
	assert_value(*state, "corewatch_crashes_total{verdict=\"stack-overflow\",signal=\"SIGSEGV\"}", 0);
	assert_value(*state, "corewatch_crashes_total{verdict=\"unknown\",signal=\"SIGABRT\"}", 0);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"other\"}", 0);
	assert_value(*state, "corewatch_suppressed_total{reason=\"muted\"}", 0);
	assert_value(*state, "corewatch_analysis_failures_total{reason=\"no-core\"}", 0);
	assert_value(*state, "corewatch_analysis_duration_seconds_count", 0);
	/* There was none. */
	assert_value(*state, "corewatch_last_crash_timestamp_seconds", -1);
	assert_null(metrics_cursor(*state));
}

static void test_crash(void **state) {
	struct metrics_crash one = { "stack-overflow", "SIGSEGV", "/usr/bin/a", "a.service", START };

	assert_int_equal(metrics_count_crash(*state, &one), 0);
	one.time_usec = START - 5; /* entries of another boot may come late: the last stays the last */
	assert_int_equal(metrics_count_crash(*state, &one), 0);
	assert_value(*state, "corewatch_crashes_total{verdict=\"stack-overflow\",signal=\"SIGSEGV\"}", 2);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"/usr/bin/a\"}", 2);
	assert_value(*state, "corewatch_crashes_by_unit_total{unit=\"a.service\"}", 2);
	assert_value(*state, "corewatch_last_crash_timestamp_seconds", 1795348698);
	/* Nothing is known of it: it is counted all the same. */
	assert_int_equal(metrics_count_crash(*state, &(struct metrics_crash){ .time_usec = START }), 0);
	assert_value(*state, "corewatch_crashes_total{verdict=\"unknown\",signal=\"unknown\"}", 1);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"other\"}", 1);
	assert_value(*state, "corewatch_crashes_by_unit_total{unit=\"other\"}", 0);
}

static void test_units(void **state) {
	static const struct { const char *unit, *series; } cases[] = {
		{ "nginx.service", "corewatch_crashes_by_unit_total{unit=\"nginx.service\"}" },
		{ "sshd@4-10.0.0.1:22.service", "corewatch_crashes_by_unit_total{unit=\"sshd@.service\"}" },
		{ "a\\x2db.service", "corewatch_crashes_by_unit_total{unit=\"a\\\\x2db.service\"}" },
		{ "app-firefox-4711.scope", "corewatch_crashes_by_unit_total{unit=\"other\"}" },
		{ "odd", "corewatch_crashes_by_unit_total{unit=\"odd\"}" },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct metrics_crash one = { "abort", "SIGABRT", "/x", cases[i].unit, START };

		assert_int_equal(metrics_count_crash(*state, &one), 0);
		assert_value(*state, cases[i].series, 1);
	}
}

static void test_labels_are_clean(void **state) {
	char longest[5000];

	crash(*state, "/tmp/a\"b\\c\nd\033[31m\xff", START);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"/tmp/a\\\"b\\\\c?d?[31m\xef\xbf\xbd\"}", 1);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	crash(*state, longest, START);
	longest[255] = 0;
	_cleanup_free_ char *series = NULL;
	assert_true(asprintf(&series, "corewatch_crashes_by_exe_total{exe=\"%s\"}", longest) > 0);
	assert_value(*state, series, 1);
}

/* Programs come first, and the rest is "other"; it never goes down, and who crashed lately keeps the place. */
static void test_places(void **state) {
	char exe[32];

	for (unsigned i = 0; i < 3 * METRICS_PLACES_MAX; i++) {
		snprintf(exe, sizeof(exe), "/bin/%u", i);
		crash(*state, exe, START + i);
	}
	assert_int_equal(count_lines(*state, "corewatch_crashes_by_exe_total{"), METRICS_PLACES_MAX + 1);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"/bin/0\"}", 1);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"other\"}", 2 * METRICS_PLACES_MAX);
	/* All but one crash again; after its day a new program has the place of that one, and the next program has none. */
	for (unsigned i = 1; i < METRICS_PLACES_MAX; i++) {
		snprintf(exe, sizeof(exe), "/bin/%u", i);
		crash(*state, exe, START + DAY / 2);
	}
	crash(*state, "/bin/new", START + DAY + 1);
	crash(*state, "/bin/newer", START + DAY + 1);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"/bin/0\"}", -1);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"/bin/1\"}", 2);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"/bin/new\"}", 1);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"/bin/newer\"}", -1);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"other\"}", 2 * METRICS_PLACES_MAX + 1);
	assert_int_equal(count_lines(*state, "corewatch_crashes_by_exe_total{"), METRICS_PLACES_MAX + 1);
	/* Two crashes hold for two days, many for a month. */
	for (unsigned i = 0; i < 100; i++)
		crash(*state, "/bin/1", START + DAY);
	for (unsigned i = 0; i < METRICS_PLACES_MAX; i++) {
		snprintf(exe, sizeof(exe), "/bin/later/%u", i);
		crash(*state, exe, START + 31 * DAY);
	}
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"/bin/1\"}", 102);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"/bin/2\"}", -1);
	crash(*state, "/bin/last", START + 31 * DAY + 1);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"/bin/1\"}", -1);
}

/* A plug-in may claim any word: there is an end to that, too. */
static void test_words_are_few(void **state) {
	char verdict[32];

	for (unsigned i = 0; i < 1000; i++) {
		struct metrics_crash one = { verdict, "SIGSEGV", NULL, NULL, START + i * 100 * DAY };

		snprintf(verdict, sizeof(verdict), "word-%u", i);
		assert_int_equal(metrics_count_crash(*state, &one), 0);
	}
	assert_true(count_lines(*state, "corewatch_crashes_total{") <= 256);
	assert_true(value_of(*state, "corewatch_crashes_total{verdict=\"other\",signal=\"other\"}") > 700);
	assert_value(*state, "corewatch_crashes_total{verdict=\"word-0\",signal=\"SIGSEGV\"}", 1);
	assert_value(*state, "corewatch_crashes_by_exe_total{exe=\"other\"}", 1000);
}

static void test_outcomes(void **state) {
	static const struct { const char *outcome, *core_state, *reason; } cases[] = {
		{ "complete", "present", NULL },          { "failed", "missing", "no-core" },
		{ "failed", "inaccessible", "no-core" },  { "failed", "present", "failed" },
		{ "partial", "truncated", "truncated-core" }, { "partial", "present", "incomplete" },
		{ "partial", NULL, "incomplete" },        { NULL, "present", NULL },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		char series[96];
		double before = 0;

		snprintf(series, sizeof(series), "corewatch_analysis_failures_total{reason=\"%s\"}", cases[i].reason ?: "");
		if (cases[i].reason)
			before = value_of(*state, series);
		assert_int_equal(metrics_count_outcome(*state, cases[i].outcome, cases[i].core_state), 0);
		if (cases[i].reason)
			assert_value(*state, series, before + 1);
	}
	assert_int_equal(count_lines(*state, "corewatch_analysis_failures_total{"), 4);
}

static void test_histograms(void **state) {
	metrics_observe(*state, HISTOGRAM_ANALYSIS, 50000); /* bounds belong to their bucket */
	metrics_observe(*state, HISTOGRAM_ANALYSIS, 50001);
	metrics_observe(*state, HISTOGRAM_ANALYSIS, UINT64_C(500000000));
	assert_value(*state, "corewatch_analysis_duration_seconds_bucket{le=\"0.05\"}", 1);
	assert_value(*state, "corewatch_analysis_duration_seconds_bucket{le=\"0.1\"}", 2);
	assert_value(*state, "corewatch_analysis_duration_seconds_bucket{le=\"120\"}", 2);
	assert_value(*state, "corewatch_analysis_duration_seconds_bucket{le=\"+Inf\"}", 3);
	assert_value(*state, "corewatch_analysis_duration_seconds_count", 3);
	assert_value(*state, "corewatch_analysis_duration_seconds_sum", 500.100001);
	metrics_observe(*state, HISTOGRAM_STACK, 1000046);
	assert_value(*state, "corewatch_stack_used_ratio_bucket{le=\"1\"}", 0);
	assert_value(*state, "corewatch_stack_used_ratio_sum", 1.000046);
}

static void test_saved(void **state) {
	_cleanup_(metrics_freep) struct metrics *again = NULL;
	_cleanup_free_ char *text = NULL, *before = NULL, *after = NULL;
	size_t length;

	for (unsigned i = 0; i < 2 * METRICS_PLACES_MAX; i++) {
		char exe[32];

		snprintf(exe, sizeof(exe), "/bin/\"%u", i);
		crash(*state, exe, START + i);
	}
	assert_int_equal(metrics_count_suppressed(*state, "alike", 4711), 0);
	assert_int_equal(metrics_count_outcome(*state, "failed", "none"), 0);
	metrics_observe(*state, HISTOGRAM_ANALYSIS, 314636);
	metrics_observe(*state, HISTOGRAM_STACK, 990001);
	assert_int_equal(metrics_set_cursor(*state, "s=0a;i=1;b=2;m=3;t=4;x=5"), 0);
	assert_int_equal(metrics_save(*state, &text, &length), 0);
	assert_true(length < METRICS_STATE_MAX);
	assert_int_equal(metrics_load(text, length, &again), 0);
	assert_string_equal(metrics_cursor(again), "s=0a;i=1;b=2;m=3;t=4;x=5");
	before = render(*state);
	after = render(again);
	assert_string_equal(before, after);
	/* Places are held by time after a restart, too. */
	crash(again, "/bin/new", START + 31 * DAY);
	assert_value(again, "corewatch_crashes_by_exe_total{exe=\"/bin/new\"}", 1);
}

static void test_damaged(void **state) {
	static const struct { const char *good, *bad; } cases[] = {
		{ "corewatch.metrics/1", "corewatch.metrics/2" },
		{ "\"value\":4711", "\"value\":-1" },
		{ "\"value\":4711", "\"value\":\"4711\"" },
		{ "\"value\":4711", "\"value\":9223372036854775807" },
		{ "\"alike\"", "7" },
		{ "\"alike\"", "\"a\\nb\"" },
		{ "\"alike\"", "\"alike\",\"b\"" },
		{ "\"buckets\":[", "\"buckets\":[1," },
		{ "\"corewatch_suppressed_total\"", "\"x\"" },
		{ "s=0a", "S=0a" },
		{ "}", "" },
	};
	_cleanup_free_ char *text = NULL;
	struct metrics *metrics;
	size_t length;

	assert_int_equal(metrics_count_suppressed(*state, "alike", 4711), 0);
	assert_int_equal(metrics_set_cursor(*state, "s=0a;i=1"), 0);
	assert_int_equal(metrics_save(*state, &text, &length), 0);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		char *at = strstr(text, cases[i].good);
		_cleanup_free_ char *bad = NULL;

		assert_non_null(at);
		assert_true(asprintf(&bad, "%.*s%s%s", (int)(at - text), text, cases[i].bad, at + strlen(cases[i].good)) > 0);
		assert_int_equal(metrics_load(bad, strlen(bad), &metrics), -EBADMSG);
	}
	for (size_t i = 0; i < length - 1; i += 7)
		assert_int_equal(metrics_load(text, i, &metrics), -EBADMSG);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_begin, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_crash, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_units, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_labels_are_clean, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_words_are_few, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_outcomes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_histograms, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_saved, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
