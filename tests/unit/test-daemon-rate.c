/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemon/rate.c: the windows of a storm, by a clock that the test makes; and who gets a part of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/rate.h"

#define SEC(n) ((uint64_t)(n) * USEC_PER_SEC)
#define START SEC(1700000000)

static const struct rate_limits limits = { .window_usec = SEC(60), .alike = 3, .program = 5, .total = 12 };

static int set_up(void **state) {
	struct rate *rate;

	if (rate_new(&rate) < 0)
		return -1;
	*state = rate;
	return 0;
}

static int tear_down(void **state) {
	rate_free(*state);
	return 0;
}

static enum rate_verdict check_with(struct rate *rate, const struct rate_limits *with, uint32_t uid, const char *program,
                                    const char *fingerprint, uint64_t time_usec) {
	const struct rate_crash crash = {
		.uid = uid, .program = program, .fingerprint = fingerprint, .time_usec = time_usec
	};

	return rate_check(rate, with, &crash);
}

static enum rate_verdict check(struct rate *rate, uint32_t uid, const char *program, const char *fingerprint,
                               uint64_t time_usec) {
	return check_with(rate, &limits, uid, program, fingerprint, time_usec);
}

/* It slides: each that leaves makes room for one, at its own time. What was refused takes no room. */
static void test_window_slides(void **state) {
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(check(*state, 1, "a", "x", START + SEC(10 * i)), RATE_OK);
	for (unsigned i = 30; i < 60; i++)
		assert_int_equal(check(*state, 1, "a", "x", START + SEC(i)), RATE_ALIKE);
	assert_int_equal(check(*state, 1, "a", "x", START + SEC(60)), RATE_OK);
	assert_int_equal(check(*state, 1, "a", "x", START + SEC(69)), RATE_ALIKE);
	assert_int_equal(check(*state, 1, "a", "x", START + SEC(70)), RATE_OK);
	assert_int_equal(check(*state, 1, "a", "x", START + SEC(71)), RATE_ALIKE);
}

static void test_which_limit(void **state) {
	char name[16];

	/* One kind is at its end, another of the same program is not, until the program is. */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(check(*state, 1, "a", "x", START), RATE_OK);
	assert_int_equal(check(*state, 1, "a", "x", START), RATE_ALIKE);
	assert_int_equal(check(*state, 1, "a", "y", START), RATE_OK);
	assert_int_equal(check(*state, 1, "a", "z", START), RATE_OK);
	assert_int_equal(check(*state, 1, "a", "w", START), RATE_PROGRAM);
	/* The same program of another user is another one. */
	assert_int_equal(check(*state, 2, "a", "x", START), RATE_OK);
	for (unsigned i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		assert_int_equal(check(*state, 1, name, name, START), RATE_OK);
	}
	assert_int_equal(check(*state, 1, "q", "q", START), RATE_TOTAL);
}

/* One user's storm takes all there is; another's few crashes go through all the same, up to his part. */
static void test_storm_of_one_leaves_others_theirs(void **state) {
	unsigned got = 0;
	char name[16];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "storm%u", i);
		got += check(*state, 1, name, name, START + i) == RATE_OK;
	}
	assert_int_equal(got, 12);
	got = 0;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "other%u", i);
		got += check(*state, 2, name, name, START + 1000) == RATE_OK;
	}
	assert_int_equal(got, 6); /* half of it: there are two */
	assert_int_equal(check(*state, 3, "third", "third", START + 2000), RATE_OK);
	assert_int_equal(check(*state, 1, "storm", "storm", START + 2000), RATE_TOTAL);
}

/* The clock is set back by a day, and forward again: nobody waits for a day. */
static void test_clock_jumps(void **state) {
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(check(*state, 1, "a", "x", START), RATE_OK);
	assert_int_equal(check(*state, 1, "a", "x", START - SEC(30)), RATE_ALIKE);
	assert_int_equal(check(*state, 1, "a", "x", START - SEC(86400)), RATE_OK);
	assert_int_equal(check(*state, 1, "a", "x", START + SEC(86400)), RATE_OK);
	assert_int_equal(check(*state, 1, "a", "x", 0), RATE_OK);
	assert_int_equal(check(*state, 1, "a", "x", UINT64_MAX), RATE_OK);
}

static void test_no_limits(void **state) {
	static const struct rate_limits none = { .window_usec = SEC(60) };

	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(check_with(*state, &none, 1, "a", "x", START), RATE_OK);
	/* Limits that come with a reload count what was before. */
	assert_int_equal(check(*state, 1, "a", "x", START), RATE_ALIKE);
}

/* After a restart: what has its report counts as it did before. */
static void test_noted(void **state) {
	const struct rate_crash crash = { .uid = 1, .program = "a", .fingerprint = "x", .time_usec = START };

	for (unsigned i = 0; i < 3; i++)
		rate_note(*state, &crash);
	assert_int_equal(check(*state, 1, "a", "x", START), RATE_ALIKE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_window_slides), TEST(test_which_limit), TEST(test_storm_of_one_leaves_others_theirs),
		TEST(test_clock_jumps),   TEST(test_no_limits),   TEST(test_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
