/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Points in time after --since and --until, in a zone with summer time: Berlin, at Sunday 2026-11-22 12:58:18 (11:58:18
 * UTC). */
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include "cli/timespec.h"

#include <cmocka.h>

#define NOW UINT64_C(1795348698000000)
#define HOUR (3600 * USEC_PER_SEC)
/* Midnight of 2026-11-22 in Berlin. */
#define TODAY UINT64_C(1795302000000000)

static int berlin(void **state _unused_) {
	/* The rule itself, as a machine without tzdata has no zones. */
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

static void test_good(void **state _unused_) {
	static const struct {
		const char *s;
		uint64_t expected;
	} cases[] = {
		{ "now", NOW },
		{ "today", TODAY },
		{ "yesterday", TODAY - 24 * HOUR },
		{ "tomorrow", TODAY + 24 * HOUR },
		{ "@1795348698", NOW },
		{ "@0", 0 },
		{ "-10min", NOW - 600 * USEC_PER_SEC },
		{ "-1h 30min", NOW - 5400 * USEC_PER_SEC },
		{ "+2h", NOW + 2 * HOUR },
		{ "2 hours ago", NOW - 2 * HOUR },
		{ "1 hour 5 minutes ago", NOW - 3900 * USEC_PER_SEC },
		{ "3d ago", NOW - 72 * HOUR },
		{ "1 week ago", NOW - 168 * HOUR },
		{ "30 seconds ago", NOW - 30 * USEC_PER_SEC },
		{ "2026-11-22", TODAY },
		{ "2026-11-22 12:58", NOW - 18 * USEC_PER_SEC },
		{ "2026-11-22 12:58:18", NOW },
		{ "2026-11-22T12:58:18", NOW },
		{ "2026-11-22 11:58:18 UTC", NOW },
		{ "2026-11-22 UTC", TODAY + 1 * HOUR },
		{ "12:58:18", NOW },
		{ "12:58", NOW - 18 * USEC_PER_SEC },
		{ "11:58:18 UTC", NOW },
		/* In summer the same clock is two hours ahead. */
		{ "2026-07-01 12:00", UINT64_C(1782900000000000) },
		{ "2024-02-29", UINT64_C(1709161200000000) },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		uint64_t t = 1;
		int r = timespec_parse(cases[i].s, NOW, &t);

		if (r < 0 || t != cases[i].expected)
			fail_msg("%s: %d, %llu instead of %llu", cases[i].s, r, (unsigned long long)t,
			         (unsigned long long)cases[i].expected);
	}
}

/* A day that is 25 hours long begins at midnight like any other. */
static void test_day_of_the_change(void **state _unused_) {
	uint64_t today, yesterday;

	/* 2026-10-26 12:00 in Berlin; the clock went back the day before. */
	assert_int_equal(timespec_parse("today", UINT64_C(1793012400000000), &today), 0);
	assert_int_equal(timespec_parse("yesterday", UINT64_C(1793012400000000), &yesterday), 0);
	assert_int_equal(today - yesterday, 25 * HOUR);
}

static void test_bad(void **state _unused_) {
	static const char *const cases[] = {
		"",
		" ",
		"never",
		"2026",
		"2026-11",
		"2026-13-01",
		"2026-00-10",
		"2026-02-30",
		"2025-02-29",
		"2026-1-1",
		"1969-12-31",
		"10000-01-01",
		"2026-11-22 25:00",
		"2026-11-22 12:60",
		"2026-11-22 12",
		"2026-11-22 12:58:18 CET",
		"2026-11-22x",
		"12:5",
		":",
		"@",
		"@-1",
		"@x",
		"@99999999999999999999",
		"-",
		"+",
		"-x",
		"ago",
		" ago",
		"2 ago hours",
		"2 hour s ago",
		"-999999999999999999999s",
		"-5000000w",
		"2 centuries ago",
		"-1h\n",
		"now ",
		"1.5h ago",
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		uint64_t t = 1;

		if (timespec_parse(cases[i], NOW, &t) >= 0)
			fail_msg("'%s' was taken for a time", cases[i]);
		assert_int_equal(t, 1);
	}
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_day_of_the_change),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests_name("cli-timespec", tests, berlin, NULL);
}
