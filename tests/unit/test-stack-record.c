/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/stack-record.c: how far a program's own stack reaches, by the record that the program keeps of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>

#include "core-writer.h"
#include "core/stack.h"

#define CODE UINT64_C(0x400000)
#define DATA UINT64_C(0x10000000)      /* where records lie: 64 KiB, and as much of a page that cannot be written */
#define CONST (DATA + 0x20000)
#define POOL UINT64_C(0x20000000)      /* memory that stacks are cut from */
#define POOL_BYTES UINT64_C(0x40000)
#define LOW (POOL + 0x10000)           /* of the stack in question */
#define SIZE UINT64_C(0x8000)
#define HIGH (LOW + SIZE)
#define TOP (HIGH - 0x40)              /* where its outermost frame begins */
#define CHUNK KIB(32)                  /* the search reads so much at once */

static struct writer *begin(uint16_t machine) {
	struct writer *w = writer_new(machine);
	bool is64 = machine == EM_X86_64;

	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	writer_bytes(w, CODE, "\xe8\x0b\x00\x00\x00\x90", 6);
	writer_map(w, DATA, 0x10000, "rw", 0x10000);
	writer_map(w, CONST, 0x10000, "r", 0x10000);
	writer_map(w, POOL, POOL_BYTES, "rw", POOL_BYTES);
	writer_thread(w, 100, is64 ? "rip" : "eip", CODE + 0x10, is64 ? "rsp" : "esp", LOW + 0x1000, is64 ? "rbp" : "ebp",
	    TOP - (is64 ? 16 : 8), NULL);
	writer_signal(w, SIGSEGV, 1, 0x10);
	writer_put(w, TOP - (is64 ? 16 : 8), 0, CODE + 5);
	return w;
}

static bool find(struct writer *w, struct stack_alt *ret) {
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);

	*ret = (struct stack_alt){};
	return stack_find_record(core, TOP, ret);
}

#define RECORD(machine, at, ...) \
	({ \
		_cleanup_(writer_freep) struct writer *w = begin(machine); \
		writer_put(w, (at), __VA_ARGS__); \
		find(w, &record); \
	})

static struct stack_alt record;

static void check(bool found) {
	assert_true(found);
	assert_int_equal(record.low, LOW);
	assert_int_equal(record.size, SIZE);
}

/* Address and size; uc_stack with its flags; size and top (Boost.Context). */
static void test_forms(void **state) {
	static const uint16_t machines[] = { EM_X86_64, EM_386 };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(machines); i++) {
		check(RECORD(machines[i], DATA + 0x100, LOW, SIZE));
		check(RECORD(machines[i], DATA + 0x100, LOW, 0, SIZE));
		check(RECORD(machines[i], DATA + 0x100, SIZE, HIGH));
	}
}

/* Wherever it lies: across what is read at once, at the very end of memory, in the pool itself. */
static void test_places(void **state) {
	(void)state;
	check(RECORD(EM_X86_64, DATA, LOW, SIZE));
	for (uint64_t at = CHUNK - 24; at <= CHUNK + 8; at += 8)
		check(RECORD(EM_X86_64, DATA + at, LOW, 0, SIZE));
	check(RECORD(EM_X86_64, DATA + 0x10000 - 16, LOW, SIZE));
	check(RECORD(EM_386, DATA + 0x10000 - 8, LOW, SIZE));
	check(RECORD(EM_X86_64, POOL + 0x100, LOW, SIZE));
}

static void test_no_record(void **state) {
	(void)state;
	assert_false(RECORD(EM_X86_64, DATA, LOW, SIZE - 0x80));           /* it ends below the frame */
	assert_false(RECORD(EM_X86_64, DATA, LOW, SIZE + 0x2000));         /* far above it */
	assert_false(RECORD(EM_X86_64, DATA, TOP, 0x1000));                /* the frame is below it */
	assert_false(RECORD(EM_X86_64, DATA, HIGH - 0x400, 0x400));        /* no stack is that small */
	assert_false(RECORD(EM_X86_64, DATA, 0, HIGH));                    /* nor that large */
	assert_false(RECORD(EM_X86_64, DATA, LOW, 0, 0, SIZE));            /* too far from each other */
	assert_false(RECORD(EM_X86_64, DATA + 4, LOW, SIZE));              /* not aligned */
	assert_false(RECORD(EM_X86_64, DATA, SIZE - 8, HIGH - 8));         /* size and top have an end on 16 */
	assert_false(RECORD(EM_X86_64, DATA, UINT64_MAX - 8, SIZE));       /* its end wraps around */
	assert_false(RECORD(EM_X86_64, CONST, LOW, SIZE));                 /* who could have written it? */
}

/* By the bounds of the whole: a record is believed, and without one the mapping is said to be what it is. */
static void test_bounds(void **state) {
	(void)state;
	for (int has = 0; has < 2; has++) {
		_cleanup_(writer_freep) struct writer *w = begin(EM_X86_64);
		_cleanup_(core_freep) struct core *core = NULL;
		const struct cw_stack *s;

		if (has)
			writer_put(w, DATA + 0x800, LOW, SIZE);
		core = writer_load(w, UNPACK_PLAIN, NULL);
		s = &core->threads[0].stack;
		assert_int_equal(s->kind, CW_STACK_CUSTOM);
		assert_true(s->has_bounds);
		assert_int_equal(s->low, has ? LOW : POOL);
		assert_int_equal(s->high, has ? HIGH : POOL + POOL_BYTES);
		assert_int_equal(streq(s->source, STACK_SOURCE_RECORD), has);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms), cmocka_unit_test(test_places), cmocka_unit_test(test_no_record), cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests_name("stack-record", tests, NULL, NULL);
}
