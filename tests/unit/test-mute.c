/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report/mute.c: whose mute counts for which crash, until when, and how many there may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>

#include "report/mute.h"

#define FINGERPRINT "0123456789abcdef0123456789abcdef"

static int set_up(void **state) {
	return mutes_new((struct mutes **)state);
}

static int tear_down(void **state) {
	mutes_free(*state);
	return 0;
}

static void test_whose(void **state) {
	static const struct { uint32_t uid; bool own, muted; } cases[] = {
		{ 1001, true, true },
		{ 1001, false, false }, /* a set-uid program that he started */
		{ 1002, true, false },
		{ 0, true, false },
	};

	assert_int_equal(mutes_apply(*state, 1001, 5, "/usr/bin/a", "infinity"), 0);
	assert_int_equal(mutes_apply(*state, 1001, 5, FINGERPRINT, "infinity"), 0);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		assert_int_equal(mutes_have_program(*state, cases[i].uid, cases[i].own, "/usr/bin/a", 10), cases[i].muted);
		assert_int_equal(mutes_have_fingerprint(*state, cases[i].uid, cases[i].own, FINGERPRINT, 10),
		                 cases[i].muted);
	}
	/* Root's is for all. */
	assert_int_equal(mutes_apply(*state, 0, 5, "/usr/bin/b", "infinity"), 0);
	assert_true(mutes_have_program(*state, 1002, true, "/usr/bin/b", 10));
	assert_true(mutes_have_program(*state, 1002, false, "/usr/bin/b", 10));
}

static void test_which_programs(void **state) {
	static const struct { const char *program; bool muted; } cases[] = {
		{ "/usr/bin/name", true },          { "/opt/x/name", true },  { "name", true },
		{ "/usr/bin/name (deleted)", true }, { "/usr/bin/names", false }, { "/usr/bin/aname", false },
		{ "/usr/name/x", false },           { "/opt/path", true },    { "/opt/path (deleted)", true },
		{ "/opt/path/x", false },           { "/y/opt/path", false }, { "", false },
		{ " (deleted)", false },
	};

	assert_int_equal(mutes_apply(*state, 0, 5, "name", "infinity"), 0);
	assert_int_equal(mutes_apply(*state, 0, 5, "/opt/path", "infinity"), 0);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		assert_int_equal(mutes_have_program(*state, 1001, true, cases[i].program, 10), cases[i].muted);
}

static void test_until(void **state) {
	assert_int_equal(mutes_apply(*state, 1001, 5, "a", "100"), 0);
	assert_true(mutes_have_program(*state, 1001, true, "/a", 99));
	assert_false(mutes_have_program(*state, 1001, true, "/a", 100));
	/* Muted again: the later word counts. */
	assert_int_equal(mutes_apply(*state, 1001, 6, "a", "200"), 0);
	assert_int_equal(mutes_count(*state), 1);
	assert_true(mutes_have_program(*state, 1001, true, "/a", 199));
	mutes_expire(*state, 199);
	assert_int_equal(mutes_count(*state), 1);
	mutes_expire(*state, 200);
	assert_int_equal(mutes_count(*state), 0);
}

static void test_unmute(void **state) {
	assert_int_equal(mutes_apply(*state, 1001, 5, "a", "infinity"), 0);
	assert_int_equal(mutes_apply(*state, 0, 5, "a", "infinity"), 0);
	assert_int_equal(mutes_apply(*state, 1002, 6, "a", "0"), -ENOENT); /* not his */
	assert_int_equal(mutes_apply(*state, 1001, 6, "a", "0"), 0);
	assert_true(mutes_have_program(*state, 1001, true, "/a", 7)); /* root's is left */
	assert_int_equal(mutes_apply(*state, 1001, 6, "a", "0"), -ENOENT);
	assert_int_equal(mutes_apply(*state, 1001, 7, "a", "infinity"), 0);
	assert_int_equal(mutes_apply(*state, 0, 8, "a", "0"), 0); /* root: whoever's */
	assert_int_equal(mutes_count(*state), 0);
}

static void test_bad(void **state) {
	char large[MUTE_WHAT_MAX + 2];

	memset(large, 'a', sizeof(large));
	large[sizeof(large) - 1] = 0;
	assert_int_equal(mutes_apply(*state, 1, 5, large, "infinity"), -EINVAL);
	large[MUTE_WHAT_MAX] = 0;
	assert_int_equal(mutes_apply(*state, 1, 5, large, "infinity"), 0);
	assert_int_equal(mutes_apply(*state, 1, 5, "", "infinity"), -EINVAL);
	assert_int_equal(mutes_apply(*state, 1, 5, NULL, "infinity"), -EINVAL);
	assert_int_equal(mutes_apply(*state, 1, 5, "a", NULL), -EINVAL);
	assert_int_equal(mutes_apply(*state, 1, 5, "a", ""), -EINVAL);
	assert_int_equal(mutes_apply(*state, 1, 5, "a", "-1"), -EINVAL);
	assert_int_equal(mutes_apply(*state, 1, 5, "a", "99999999999999999999"), -EINVAL);
	assert_int_equal(mutes_apply(*state, 1, 5, "a\nb", "infinity"), -EINVAL);
	assert_int_equal(mutes_apply(*state, 1, 5, "\x1b[2J", "infinity"), -EINVAL);
	assert_int_equal(mutes_apply(*state, 1, 5, "\xff", "infinity"), -EINVAL);
	assert_int_equal(mutes_count(*state), 1);
}

/* One user's flood throws out his own, nobody else's. */
static void test_many(void **state) {
	char what[32];

	assert_int_equal(mutes_apply(*state, 2, 5, "other", "infinity"), 0);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(what, sizeof(what), "p%u", i);
		assert_int_equal(mutes_apply(*state, 1, 5, what, "infinity"), 0);
	}
	assert_int_equal(mutes_count(*state), MUTES_OF_UID_MAX + 1);
	assert_true(mutes_have_program(*state, 2, true, "/other", 10));
	assert_true(mutes_have_program(*state, 1, true, "/p4999", 10));
	assert_false(mutes_have_program(*state, 1, true, "/p0", 10));
	for (uint32_t uid = 100; uid < 3000; uid++)
		assert_int_equal(mutes_apply(*state, uid, 5, "x", "infinity"), 0);
	assert_int_equal(mutes_count(*state), MUTES_MAX);
}

static void test_written_and_read(void **state) {
	_cleanup_(mutes_freep) struct mutes *again = NULL;
	_cleanup_free_ char *text = NULL;
	size_t length;

	assert_int_equal(mutes_apply(*state, 1001, 5, "/usr/bin/with blanks", "77"), 0);
	assert_int_equal(mutes_apply(*state, 0, 6, FINGERPRINT, "infinity"), 0);
	assert_int_equal(mutes_write(*state, &text, &length), 0);
	assert_int_equal(mutes_new(&again), 0);
	assert_int_equal(mutes_read(again, text), 0);
	assert_int_equal(mutes_count(again), 2);
	assert_true(mutes_have_program(again, 1001, true, "/usr/bin/with blanks", 76));
	assert_false(mutes_have_program(again, 1001, true, "/usr/bin/with blanks", 77));
	assert_true(mutes_have_fingerprint(again, 5, false, FINGERPRINT, UINT64_MAX - 1));
	assert_int_equal(mutes_get(again, 0)->since_usec, 5);
}

static void test_fingerprints(void **state _unused_) {
	assert_true(mute_is_fingerprint(FINGERPRINT));
	assert_false(mute_is_fingerprint("0123456789abcdef0123456789abcde"));
	assert_false(mute_is_fingerprint("0123456789ABCDEF0123456789ABCDEF"));
	assert_false(mute_is_fingerprint("cafe"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_whose), TEST(test_which_programs),   TEST(test_until), TEST(test_unmute), TEST(test_bad),
		TEST(test_many),  TEST(test_written_and_read), TEST(test_fingerprints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
