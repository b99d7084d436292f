/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemon/queue.c: users are served in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>

#include "daemon/queue.h"

static void add(struct queue *queue, uint32_t uid, unsigned number) {
	char cursor[32];
	struct waiting waiting = { .uid = uid, .cursor = cursor };

	snprintf(cursor, sizeof(cursor), "s=%u", number);
	snprintf(waiting.id, sizeof(waiting.id), "%032x", number);
	assert_int_equal(queue_add(queue, &waiting), 0);
}

static void take(struct queue *queue, uint32_t uid, unsigned number) {
	_cleanup_(waiting_freep) struct waiting *waiting = queue_take(queue);
	char cursor[32];

	snprintf(cursor, sizeof(cursor), "s=%u", number);
	assert_non_null(waiting);
	assert_int_equal(waiting->uid, uid);
	assert_string_equal(waiting->cursor, cursor);
}

static void test_empty(void **state _unused_) {
	_cleanup_(queue_freep) struct queue *queue = NULL;

	assert_int_equal(queue_new(&queue), 0);
	assert_null(queue_take(queue));
	assert_int_equal(queue_length(queue), 0);
	add(queue, 1, 1);
	take(queue, 1, 1);
	assert_null(queue_take(queue));
}

/* A thousand of one user, then one of another: it is the second to be served. */
static void test_storm_does_not_starve(void **state _unused_) {
	_cleanup_(queue_freep) struct queue *queue = NULL;

	assert_int_equal(queue_new(&queue), 0);
	for (unsigned i = 0; i < 1000; i++)
		add(queue, 1, i);
	add(queue, 2, 5000);
	assert_int_equal(queue_length(queue), 1001);
	take(queue, 1, 0);
	take(queue, 2, 5000);
	take(queue, 1, 1);
	take(queue, 1, 2);
}

static void test_in_turn(void **state _unused_) {
	_cleanup_(queue_freep) struct queue *queue = NULL;

	assert_int_equal(queue_new(&queue), 0);
	for (unsigned i = 0; i < 3; i++)
		for (uint32_t uid = 1; uid <= 3; uid++)
			add(queue, uid, 10 * uid + i);
	take(queue, 1, 10);
	take(queue, 2, 20);
	add(queue, 4, 40); /* behind those who wait */
	take(queue, 3, 30);
	take(queue, 1, 11);
	take(queue, 2, 21);
	take(queue, 4, 40);
	take(queue, 3, 31);
	add(queue, 4, 41);
	take(queue, 1, 12);
	take(queue, 2, 22);
	take(queue, 3, 32);
	take(queue, 4, 41);
	assert_int_equal(queue_length(queue), 0);
}

static void test_has(void **state _unused_) {
	_cleanup_(queue_freep) struct queue *queue = NULL;

	assert_int_equal(queue_new(&queue), 0);
	add(queue, 1, 7);
	add(queue, 2, 8);
	assert_true(queue_has(queue, "00000000000000000000000000000008"));
	assert_false(queue_has(queue, "00000000000000000000000000000009"));
	take(queue, 1, 7);
	assert_false(queue_has(queue, "00000000000000000000000000000007"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_storm_does_not_starve),
		cmocka_unit_test(test_in_turn),
		cmocka_unit_test(test_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
