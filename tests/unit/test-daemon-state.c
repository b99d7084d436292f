/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon/state.c, daemon/progress.c: the cursor waits for the oldest unfinished entry; garbage in the files costs
 * nothing but itself.
 */
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "daemon/state.h"
#include "util/io.h"

/* ── low water ── */

static void assert_cursor(const struct progress *progress, const char *cursor) {
	if (!cursor)
		assert_null(progress_cursor(progress));
	else
		assert_string_equal(progress_cursor(progress), cursor);
}

static void test_cursor_waits_for_the_oldest(void **state _unused_) {
	_cleanup_(progress_freep) struct progress *progress = NULL;
	struct ticket *t[5];

	assert_int_equal(progress_new(&progress), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(progress_begin(progress, (const char *const[]){ "a", "b", "c", "d", "e" }[i], &t[i]),
		                 0);
	assert_cursor(progress, NULL);
	progress_end(progress, t[1]);
	assert_cursor(progress, NULL);
	progress_end(progress, t[0]);
	assert_cursor(progress, "b");
	progress_end(progress, t[4]);
	progress_end(progress, t[3]); /* merges with a later one */
	assert_cursor(progress, "b");
	progress_end(progress, t[2]);
	assert_cursor(progress, "e");
}

static void test_which_ticket_is_older(void **state _unused_) {
	_cleanup_(progress_freep) struct progress *progress = NULL;
	struct ticket *first, *second, *third;

	assert_int_equal(progress_new(&progress), 0);
	assert_int_equal(progress_begin(progress, "a", &first), 0);
	assert_int_equal(progress_begin(progress, "b", &second), 0);
	assert_true(progress_is_older(first, second));
	progress_end(progress, first);
	assert_int_equal(progress_begin(progress, "c", &third), 0);
	assert_true(progress_is_older(second, third));
	assert_false(progress_is_older(third, second));
}

/* A hanging worker and a flood of crashes that are done at once: memory stays, order stays. */
static void test_long_runs_behind_an_unfinished_one(void **state _unused_) {
	_cleanup_(progress_freep) struct progress *progress = NULL;
	struct ticket *first, *ticket;
	char cursor[16];

	assert_int_equal(progress_new(&progress), 0);
	assert_int_equal(progress_begin(progress, "first", &first), 0);
	for (int i = 0; i < 100000; i++) {
		snprintf(cursor, sizeof(cursor), "%d", i);
		assert_int_equal(progress_begin(progress, cursor, &ticket), 0);
		progress_end(progress, ticket);
	}
	assert_cursor(progress, NULL);
	progress_end(progress, first);
	assert_cursor(progress, "99999");
	assert_int_equal(progress_begin(progress, "more", &ticket), 0);
	assert_cursor(progress, "99999");
}

/* ── files ── */

struct fixture {
	char directory[64];
	int dir;
};

static int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->directory, sizeof(f->directory), "test-state-XXXXXX");
	if (!mkdtemp(f->directory))
		return -1;
	f->dir = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return f->dir < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st _unused_, int type _unused_, struct FTW *ftw _unused_) {
	return remove(path);
}

static int tear_down(void **state) {
	struct fixture *f = *state;

	close(f->dir);
	nftw(f->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *name, const char *data, size_t length) {
	assert_int_equal(write_atomically(f->dir, name, data, length, 0600), 0);
}

static void test_what_is_saved_is_there_again(void **fixture) {
	struct fixture *f = *fixture;
	struct state *state;
	uint64_t seen, first;

	assert_int_equal(state_open(f->directory, &state), 0);
	assert_null(state_cursor(state));
	assert_int_equal(state_count(state, "abc1", 500, &seen, &first), 0);
	assert_true(seen == 1 && first == 500);
	assert_int_equal(state_count(state, "abc1", 700, &seen, &first), 0);
	assert_int_equal(state_save(state, "s=12;i=f;x=0"), 0);
	assert_int_equal(state_save(state, NULL), 0);
	state_free(state);

	assert_int_equal(state_open(f->directory, &state), 0);
	assert_string_equal(state_cursor(state), "s=12;i=f;x=0");
	assert_int_equal(state_count(state, "abc1", 600, &seen, &first), 0);
	assert_true(seen == 3 && first == 500);
	state_free(state);
}

static void test_garbage_cursors(void **fixture) {
	static const struct { const char *data; size_t length; } cases[] = {
		{ "", 0 }, { "\n", 1 }, { "hello", 5 }, { "s=1\0;i=2", 8 }, { "s=1;\x1b[2J", 8 }, { "\xff\xfe", 2 },
	};
	struct fixture *f = *fixture;
	struct state *state;
	char large[4096];

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		put(f, "cursor", cases[i].data, cases[i].length);
		assert_int_equal(state_open(f->directory, &state), 0);
		assert_null(state_cursor(state));
		state_free(state);
	}
	memset(large, 'a', sizeof(large));
	large[1] = '=';
	put(f, "cursor", large, sizeof(large));
	assert_int_equal(state_open(f->directory, &state), 0);
	assert_null(state_cursor(state));
	large[sizeof(large) - 1] = 0;
	assert_int_equal(state_save(state, large), -E2BIG);
	state_free(state);
}

static void test_garbage_among_counts(void **fixture) {
	static const char text[] =
		"corewatch-fingerprints 1\nabcd 1 2 3\n\nABCD 1 2 3\nabce 1 2\nabcf 1 2 3 4\nabc0 1 2 0\nabc1 -1 2 3\nabc2 5 6 7\nabc3 1 2";
	struct fixture *f = *fixture;
	struct state *state;
	uint64_t seen, first;

	put(f, "fingerprints", text, sizeof(text) - 1);
	assert_int_equal(state_open(f->directory, &state), 0);
	assert_int_equal(state_count(state, "abcd", 9, &seen, &first), 0);
	assert_true(seen == 4 && first == 1);
	assert_int_equal(state_count(state, "abc2", 9, &seen, &first), 0);
	assert_true(seen == 8 && first == 5);
	assert_int_equal(state_count(state, "abce", 9, &seen, &first), 0);
	assert_int_equal(seen, 1);
	state_free(state);
	put(f, "fingerprints", "something else 2\nabcd 1 2 3\n", 28);
	assert_int_equal(state_open(f->directory, &state), 0);
	assert_int_equal(state_count(state, "abcd", 9, &seen, &first), 0);
	assert_int_equal(seen, 1);
	state_free(state);
}

static void test_not_fingerprints(void **fixture) {
	static const char *const bad[] = { "", "ABC", "ab cd", "ab\ncd", "xyz",
		                           "00000000000000000000000000000000000000000000000000000000000000000" };
	struct fixture *f = *fixture;
	struct state *state;
	uint64_t seen, first;

	assert_int_equal(state_open(f->directory, &state), 0);
	for (size_t i = 0; i < ELEMENTSOF(bad); i++)
		assert_int_equal(state_count(state, bad[i], 1, &seen, &first), -EINVAL);
	state_free(state);
}

static void test_counts_are_bounded(void **fixture) {
	struct fixture *f = *fixture;
	struct state *state;
	uint64_t seen, first;
	char id[16];

	assert_int_equal(state_open(f->directory, &state), 0);
	for (unsigned i = 0; i < STATE_FINGERPRINTS_MAX + 10; i++) {
		snprintf(id, sizeof(id), "%08x", i);
		assert_int_equal(state_count(state, id, 1000 + i, &seen, &first), 0);
		assert_int_equal(seen, 1);
	}
	/* The newest is known, the oldest had to go. */
	assert_int_equal(state_count(state, id, 9999, &seen, &first), 0);
	assert_int_equal(seen, 2);
	assert_int_equal(state_count(state, "00000000", 9999, &seen, &first), 0);
	assert_int_equal(seen, 1);
	assert_int_equal(state_save(state, NULL), 0);
	state_free(state);
	assert_int_equal(state_open(f->directory, &state), 0);
	assert_int_equal(state_count(state, id, 9999, &seen, &first), 0);
	assert_int_equal(seen, 3);
	state_free(state);
}

/* No folder: it goes on without, says so when it saves, and takes up a folder that comes. */
static void test_no_folder(void **fixture) {
	struct fixture *f = *fixture;
	struct state *state;
	char path[128];

	assert_int_equal(state_open("/dev/null", &state), 0);
	assert_null(state_cursor(state));
	assert_int_equal(state_save(state, "s=1;i=2"), -ENOTDIR);
	state_free(state);

	snprintf(path, sizeof(path), "%s/a/b", f->directory);
	assert_int_equal(state_open(path, &state), 0);
	assert_int_equal(state_save(state, "s=1;i=2"), -ENOENT);
	assert_int_equal(mkdirat(f->dir, "a", 0755), 0);
	assert_int_equal(state_save(state, "s=1;i=2"), 0);
	state_free(state);
	assert_int_equal(state_open(path, &state), 0);
	assert_string_equal(state_cursor(state), "s=1;i=2");
	state_free(state);
}

/* Somebody deletes it all while the daemon runs. */
static void test_folder_taken_away(void **fixture) {
	struct fixture *f = *fixture;
	uint64_t seen, first;
	struct state *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/gone", f->directory);
	assert_int_equal(state_open(path, &state), 0);
	assert_int_equal(state_count(state, "abc1", 500, &seen, &first), 0);
	assert_int_equal(mutes_apply(state_mutes(state), 1001, 7, "/usr/bin/a", "infinity"), 0);
	state_mutes_changed(state);
	assert_int_equal(state_save(state, "s=1;i=2"), 0);
	assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	assert_int_equal(state_save(state, "s=1;i=3"), 0);
	state_free(state);
	assert_int_equal(state_open(path, &state), 0);
	assert_string_equal(state_cursor(state), "s=1;i=3");
	assert_int_equal(state_count(state, "abc1", 500, &seen, &first), 0);
	assert_int_equal(seen, 2);
	assert_int_equal(mutes_count(state_mutes(state)), 1);
	state_free(state);
}

static void test_garbage_mutes(void **fixture) {
	static const char text[] = "corewatch-mutes 1\n1001 5 6 /usr/bin/a b\nx 5 6 /usr/bin/b\n1001 5\n1001 5 6 \n"
				   "1001 5 6 /usr/bin/\x1b[2J\n-1 5 6 c\n1002 5 18446744073709551615 c";
	struct fixture *f = *fixture;
	struct state *state;

	put(f, "mutes", text, sizeof(text) - 1);
	assert_int_equal(state_open(f->directory, &state), 0);
	assert_int_equal(mutes_count(state_mutes(state)), 2);
	assert_string_equal(mutes_get(state_mutes(state), 0)->what, "/usr/bin/a b");
	assert_true(mutes_get(state_mutes(state), 1)->until_usec == MUTE_FOREVER);
	state_free(state);
	put(f, "mutes", "\xff\0\n", 3);
	assert_int_equal(state_open(f->directory, &state), 0);
	assert_int_equal(mutes_count(state_mutes(state)), 0);
	state_free(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cursor_waits_for_the_oldest),
		cmocka_unit_test(test_which_ticket_is_older),
		cmocka_unit_test(test_long_runs_behind_an_unfinished_one),
		TEST(test_what_is_saved_is_there_again),
		TEST(test_garbage_cursors),
		TEST(test_garbage_among_counts),
		TEST(test_not_fingerprints),
		TEST(test_counts_are_bounded),
		TEST(test_no_folder),
		TEST(test_folder_taken_away),
		TEST(test_garbage_mutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
