/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemon/alike.c, daemon/suppress.c: what is one kind of crash; what is not analysed is told once, and holds the cursor until then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/alike.h"
#include "daemon/suppress.h"
#include "util/io.h"

/* ── alike ── */

#define HEAD "Process 7 (a) of user 1 dumped core.\n\nModule libx.so from deb x-1.amd64\nStack trace of thread 7:\n"
#define FRAME(address, text) "#0  0x" address " " text "\n"

static void fingerprint(const char *exe, uint32_t uid, int number, const char *message, char *ret) {
	_cleanup_(entry_freep) struct entry *entry = NULL;
	struct crash crash = { .uid = uid, .signal = number };

	assert_int_equal(entry_new("s=1", &entry), 0);
	assert_int_equal(entry_add(entry, FIELD_COREDUMP_EXE, exe, strlen(exe)), 0);
	assert_int_equal(entry_add(entry, FIELD_MESSAGE, message, strlen(message)), 0);
	crash.entry = entry;
	assert_int_equal(alike_fingerprint(&crash, ret), 0);
}

static void test_alike(void **state _unused_) {
	static const struct { const char *exe; uint32_t uid; int number; const char *message; bool alike; } cases[] = {
		{ "/a", 1, 11, HEAD FRAME("00007f5f0c2b8e2c", "n/a (libc.so.6 + 0x8ae2c)"), true },
		/* Another run: other addresses, another thread. */
		{ "/a", 1, 11, "\nStack trace of thread 99:\n" FRAME("0000111111111111", "n/a (libc.so.6 + 0x8ae2c)"), true },
		{ "/a", 1, 11, HEAD FRAME("00007f5f0c2b8e2c", "n/a (libc.so.6 + 0x8ae2d)"), false },
		{ "/b", 1, 11, HEAD FRAME("00007f5f0c2b8e2c", "n/a (libc.so.6 + 0x8ae2c)"), false },
		{ "/a", 2, 11, HEAD FRAME("00007f5f0c2b8e2c", "n/a (libc.so.6 + 0x8ae2c)"), false },
		{ "/a", 1, 6, HEAD FRAME("00007f5f0c2b8e2c", "n/a (libc.so.6 + 0x8ae2c)"), false },
		{ "/a", 1, 11, HEAD FRAME("00007f5f0c2b8e2c", "n/a (libc.so.6 + 0x8ae2c)") FRAME("1", "main (a + 0x1)"), false },
		/* Cut and forged ones: anything, but no crash of ours. */
		{ "/a", 1, 11, "", false },
		{ "/a", 1, 11, "Stack trace of thread ", false },
		{ "/a", 1, 11, "Stack trace of thread 7:\n#", false },
		{ "/a", 1, 11, "Stack trace of thread 7:\n#0  0x", false },
		{ "/a", 1, 11, "Stack trace of thread 7:\n\n\n", false },
	};
	char first[HASH_TEXT_SIZE], this[HASH_TEXT_SIZE];

	fingerprint(cases[0].exe, cases[0].uid, cases[0].number, cases[0].message, first);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		fingerprint(cases[i].exe, cases[i].uid, cases[i].number, cases[i].message, this);
		assert_int_equal(streq(first, this), cases[i].alike);
	}
}

/* ── summaries ── */

struct fixture {
	sd_event *event;
	struct progress *progress;
	struct suppressor *suppressor;
	char path[64];
	unsigned n_done;
	char *text;
	size_t length;
};

static void on_done(struct ticket *ticket, const struct suppressed *first _unused_, bool sent, void *userdata) {
	struct fixture *f = userdata;

	assert_true(sent);
	f->n_done++;
	progress_end(f->progress, ticket);
}

static int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));
	struct suppress_setup setup;

	if (sd_event_new(&f->event) < 0 || progress_new(&f->progress) < 0)
		return -1;
	snprintf(f->path, sizeof(f->path), "test-suppress-%d.export", (int)getpid());
	setup = (struct suppress_setup){
		.event = f->event, .submit = { .submit_file = f->path }, .done = on_done, .userdata = f, .progress = f->progress
	};
	*state = f;
	return suppress_new(&setup, &f->suppressor);
}

static int tear_down(void **state) {
	struct fixture *f = *state;

	suppress_free(f->suppressor);
	progress_free(f->progress);
	sd_event_unref(f->event);
	unlink(f->path);
	free(f->text);
	free(f);
	return 0;
}

static struct ticket *ticket_of(struct fixture *f, unsigned number) {
	struct ticket *ticket;
	char cursor[16];

	snprintf(cursor, sizeof(cursor), "s=%u", number);
	assert_int_equal(progress_begin(f->progress, cursor, &ticket), 0);
	return ticket;
}

static void suppress(struct fixture *f, unsigned number, uint32_t uid, const char *program, enum suppress_reason reason,
                     struct ticket *ticket) {
	char id[HASH_TEXT_SIZE];
	const struct suppressed crash = {
		.id = id, .uid = uid, .gid = uid, .as_owner = true, .program = program, .reason = reason
	};

	snprintf(id, sizeof(id), "%032x", number);
	assert_int_equal(suppress_add(f->suppressor, &crash, ticket, USEC_PER_SEC / 100), 0);
}

static void run_until(struct fixture *f, unsigned n_done) {
	_cleanup_close_ int fd = -EBADF;

	while (f->n_done < n_done)
		assert_true(sd_event_run(f->event, 60 * USEC_PER_SEC) > 0);
	fd = open(f->path, O_RDONLY | O_CLOEXEC);
	free(f->text);
	assert_int_equal(read_whole(fd, MIB(16), &f->text, &f->length), 0);
}

static unsigned count(const struct fixture *f, const char *what) {
	unsigned n = 0;

	for (const char *p = f->text; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static void test_one_entry_for_a_window(void **state) {
	struct fixture *f = *state;
	struct ticket *later;

	for (unsigned i = 0; i < 20; i++)
		suppress(f, i, 1001, i % 4 == 0 ? "/usr/bin/one" : "/usr/bin/two", i < 5 ? SUPPRESS_MUTED : SUPPRESS_ALIKE,
		         ticket_of(f, i));
	later = ticket_of(f, 20);
	progress_end(f->progress, later);
	/* Nobody was told yet: the cursor stays in front of the first. */
	assert_null(progress_cursor(f->progress));
	run_until(f, 1);
	assert_string_equal(progress_cursor(f->progress), "s=20");
	assert_int_equal(count(f, "MESSAGE_ID=d5bfec4f14194911a86f4ba64bd658eb\n"), 1);
	assert_int_equal(count(f, "_UID=1001\n"), 2); /* sent as him, and speaks of him */
	assert_int_equal(count(f, "\nCOREWATCH_SUPPRESSED=20\n"), 1);
	assert_int_equal(count(f, "\nCOREWATCH_SUPPRESSED_MUTED=5\n"), 1);
	assert_int_equal(count(f, "\nCOREWATCH_SUPPRESSED_ALIKE=15\n"), 1);
	assert_int_equal(count(f, "\nCOREWATCH_SUPPRESSED_ID="), 20);
	assert_int_equal(count(f, "\nMESSAGE=20 crashes of uid 1001 not analysed: 15 too many alike, 5 muted (5 one, 15 two)\n"),
	                 1);
	assert_true(suppress_count(f->suppressor) == 20);
}

/* Nobody's crashes stand in another's summary. */
static void test_users_apart(void **state) {
	struct fixture *f = *state;

	suppress(f, 1, 1001, "/a", SUPPRESS_TOTAL, ticket_of(f, 1));
	suppress(f, 2, 1002, "/b", SUPPRESS_TOTAL, ticket_of(f, 2));
	suppress(f, 3, 1001, "/a", SUPPRESS_TOTAL, ticket_of(f, 3));
	run_until(f, 2);
	assert_int_equal(count(f, "\nCOREWATCH_SUPPRESSED=2\n"), 1);
	assert_int_equal(count(f, "\nCOREWATCH_SUPPRESSED=1\n"), 1);
	assert_int_equal(count(f, "\nCOREWATCH_EXE=/a\n"), 1);
	assert_int_equal(count(f, "\nCOREWATCH_EXE=/b\n"), 1);
	assert_string_equal(progress_cursor(f->progress), "s=3");
}

/* A crash that waited long may come to be counted after younger ones: the cursor must not pass it. */
static void test_older_ticket_later(void **state) {
	struct fixture *f = *state;
	struct ticket *first = ticket_of(f, 1), *second = ticket_of(f, 2);

	suppress(f, 2, 1001, "/a", SUPPRESS_ALIKE, second);
	suppress(f, 1, 1001, "/a", SUPPRESS_LOST, first);
	assert_null(progress_cursor(f->progress));
	run_until(f, 1);
	assert_string_equal(progress_cursor(f->progress), "s=2");
}

/* journald takes so many fields in one entry; more crashes are more entries, and none is lost. */
static void test_more_than_one_entry_holds(void **state) {
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2500; i++)
		suppress(f, i, 1001, "/a", SUPPRESS_PROGRAM, ticket_of(f, i));
	run_until(f, 3);
	assert_int_equal(count(f, "\nCOREWATCH_SUPPRESSED=1000\n"), 2);
	assert_int_equal(count(f, "\nCOREWATCH_SUPPRESSED=500\n"), 1);
	assert_int_equal(count(f, "\nCOREWATCH_SUPPRESSED_ID="), 2500);
	assert_string_equal(progress_cursor(f->progress), "s=2499");
}

/* A person with 65536 subordinate uids. */
static void test_very_many_users(void **state) {
	struct fixture *f = *state;

	for (unsigned i = 0; i < 1000; i++)
		suppress(f, i, 100000 + i, "/a", SUPPRESS_TOTAL, ticket_of(f, i));
	run_until(f, 1000);
	assert_int_equal(count(f, "\nCOREWATCH_SUPPRESSED=1\n"), 1000);
	assert_string_equal(progress_cursor(f->progress), "s=999");
}

static void test_flush(void **state) {
	struct fixture *f = *state;

	assert_false(suppress_is_sending(f->suppressor));
	suppress(f, 1, 1001, "/a", SUPPRESS_SKIPPED, ticket_of(f, 1));
	suppress_flush(f->suppressor);
	assert_true(suppress_is_sending(f->suppressor));
	assert_false(suppress_is_waiting(f->suppressor));
	run_until(f, 1);
	assert_false(suppress_is_sending(f->suppressor));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alike),
		TEST(test_one_entry_for_a_window),
		TEST(test_users_apart),
		TEST(test_older_ticket_later),
		TEST(test_more_than_one_entry_holds),
		TEST(test_very_many_users),
		TEST(test_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
