/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* analyzers/signal-manager.c: the service manager among those who send signals, by what it told the program at its start. */
#include "fake-host.h"

#include "signal-decode.h"

#define MANAGER 812
#define END (STACK + 0x10000)

static struct decode_manager found;

/* What exec() leaves at the top: arguments and environment, each with its end, the program's name, a word of zero. */
static void place_strings(const char *text, size_t n) {
	put(END - 8, 0);
	memcpy(at(END - 8 - n, n), text, n);
}
#define STRINGS(text) place_strings((text), sizeof(text))

static bool is_manager(int32_t pid, uint32_t uid) {
	found = (struct decode_manager){ 0 };
	mappings[4].kind = CW_REGION_STACK;
	core.uid = 1000;
	fault.signal = (struct cw_signal){ .number = SIGABRT, .has_sender = true, .sender_pid = pid, .sender_uid = uid };
	return decode_manager(&core, &fault.signal, &found);
}

static void test_user_manager(void **state) {
	(void)state;
	STRINGS("\0app\0-x\0HOME=/home/u\0MANAGERPID=812\0WATCHDOG_USEC=30000000\0A=\0/usr/bin/app");
	assert_true(is_manager(MANAGER, 1000));
	assert_true(found.user);
	assert_true(found.knows_watchdog);
	assert_int_equal(found.watchdog_usec, 30000000);
	assert_string_equal((char *)at(found.told_at, 15), "MANAGERPID=812");
	/* Another process, another user's, and one outside of the pid namespace. */
	assert_false(is_manager(813, 1000));
	assert_false(is_manager(MANAGER, 0));
	assert_false(is_manager(0, 1000));
	fault.signal.has_sender = false;
	assert_false(decode_manager(&core, &fault.signal, &found));
}

static void test_system_manager(void **state) {
	(void)state;
	STRINGS("\0app\0HOME=/\0WATCHDOG_USEC=2500000\0/usr/bin/app");
	assert_true(is_manager(1, 0));
	assert_false(found.user);
	assert_int_equal(found.watchdog_usec, 2500000);
	setup(state);
	/* It has no watchdog, and that is known. */
	STRINGS("\0app\0HOME=/\0/usr/bin/app");
	assert_true(is_manager(1, 0));
	assert_true(found.knows_watchdog);
	assert_int_equal(found.watchdog_usec, -1);
	/* The program has written over it, or the core does not hold it. */
	setup(state);
	assert_true(is_manager(1, 0));
	assert_false(found.knows_watchdog);
	core.n_mappings = 0;
	assert_true(is_manager(1, 0));
	assert_false(found.knows_watchdog);
}

/* What only looks like the variable: an argument, part of another one, no number, a text in the frames. */
static void test_forged(void **state) {
	static const struct { const char *text; size_t n; } cases[] = {
#define CASE(text) { text, sizeof(text) }
		CASE("\0app\0MANAGERPID=812\0--\0HOME=/\0/usr/bin/app"),
		CASE("\0app\0XMANAGERPID=812\0/usr/bin/app"),
		CASE("\0app\0X=MANAGERPID=812\0/usr/bin/app"),
		CASE("\0app\0MANAGERPID=812x\0/usr/bin/app"),
		CASE("\0app\0MANAGERPID=\0/usr/bin/app"),
		CASE("\0app\0MANAGERPID=-812\0/usr/bin/app"),
		CASE("\0app\0MANAGERPID=99999999999999999999\0/usr/bin/app"),
		CASE("\0app\0HOME=/\0MANAGERPID=812"), /* the program's name */
		CASE("MANAGERPID=812\0\0\0\0app\0HOME=/\0/usr/bin/app"),
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(state);
		place_strings(cases[i].text, cases[i].n);
		if (is_manager(MANAGER, 1000))
			fail_msg("case %zu", i);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = { TEST(test_user_manager), TEST(test_system_manager), TEST(test_forged) };

	return cmocka_run_group_tests_name("analyzers-manager", tests, NULL, NULL);
}
