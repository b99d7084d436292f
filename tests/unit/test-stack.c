/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/stack: whose stack SP is on, and how far it reaches, by struct pthread of either C library, by the auxiliary vector, by uc_stack, or by what is mapped there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>

#include "core-writer.h"
#include "core/stack.h"

#define CODE UINT64_C(0x400000)
#define MAIN UINT64_C(0x7ffd00000000) /* 132 KiB of it are mapped */
#define MAIN_BYTES UINT64_C(0x21000)
#define GUARD UINT64_C(0x7f0000000000)
#define BLOCK (GUARD + 0x1000)        /* usable part of a thread's stack */
#define BLOCK_BYTES UINT64_C(0x7f000)
#define END (BLOCK + BLOCK_BYTES)
#define TLS (END - 0x900)
#define OTHER UINT64_C(0x7e0000000000) /* memory of the program's own, below a PROT_NONE page */

/* Thread 100 is the main one, 101 has a pthread's stack and crashed. */
static struct writer *begin(uint64_t sp, int32_t id) {
	struct writer *w = writer_new(EM_X86_64);

	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	writer_map(w, OTHER - 0x1000, 0x1000, "", 0);
	writer_map(w, OTHER, 0x10000, "rw", 0x10000);
	writer_map(w, GUARD, 0x1000, "", 0);
	writer_map(w, BLOCK, BLOCK_BYTES, "rw", BLOCK_BYTES);
	writer_map(w, MAIN, MAIN_BYTES, "rw", MAIN_BYTES);
	writer_auxv(w, AT_RANDOM, MAIN + MAIN_BYTES - 0x200);
	writer_thread(w, id, "rip", CODE, "rsp", sp, "fs_base", id == 100 ? 0 : TLS, NULL);
	writer_process(w, 100, 1000, "test", "test");
	writer_signal(w, SIGSEGV, 1, 0x10);
	return w;
}

/* glibc's struct pthread, as far as it matters: itself at the start, and stackblock, stackblock_size, guardsize. */
static void glibc(struct writer *w, uint64_t block, uint64_t size, uint64_t guard) {
	writer_put(w, TLS, TLS, 0, TLS);
	writer_put(w, TLS + 0x690, block, size, guard, guard);
}

/* musl's: itself, and map_base, map_size, stack, stack_size, guard_size. */
static void musl(struct writer *w) {
	writer_put(w, TLS, TLS, 0, TLS + 8);
	writer_put(w, TLS + 0x48, GUARD, BLOCK_BYTES + 0x1000, TLS - 0x100, TLS - 0x100 - BLOCK, 0x1000);
}

static struct cw_stack bounds(struct writer *w, const struct core_options *options) {
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, options);

	return core->threads[0].stack;
}

static void check(const struct cw_stack *s, enum cw_stack_kind kind, uint64_t low, uint64_t high) {
	assert_int_equal(s->kind, kind);
	assert_true(s->has_bounds);
	assert_int_equal(s->low, low);
	assert_int_equal(s->high, high);
	assert_non_null(s->source);
}

static void test_main(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(MAIN + 0x4000, 100), *again = begin(MAIN + 0x4000, 100);
	const struct core_options options = { .has_stack_limit = true, .stack_limit = MIB(3), .cache_fd = -EBADF };
	struct cw_stack s = bounds(w, NULL);

	(void)state;
	check(&s, CW_STACK_MAIN, MAIN, MAIN + MAIN_BYTES);
	assert_true(s.has_limit);
	assert_int_equal(s.limit_bytes, MIB(8));
	assert_true(s.has_used);
	assert_int_equal(s.used_bytes, MAIN_BYTES - 0x4000);
	assert_false(s.has_guard);
	s = bounds(again, &options);
	assert_int_equal(s.limit_bytes, MIB(3));
}

static void test_glibc(void **state) {
	static const struct { uint64_t block, size, guard; } cases[] = {
		{ GUARD, BLOCK_BYTES + 0x1000, 0x1000 }, /* guard included, since 2.x */
		{ BLOCK, BLOCK_BYTES, 0 },               /* memory that the program gave */
		{ BLOCK + 0x110, BLOCK_BYTES - 0x110, 0 }, /* not even aligned */
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_(writer_freep) struct writer *w = begin(BLOCK + 0x2000, 101);
		struct cw_stack s;

		glibc(w, cases[i].block, cases[i].size, cases[i].guard);
		s = bounds(w, NULL);
		check(&s, CW_STACK_PTHREAD, cases[i].block + cases[i].guard, END);
		assert_int_equal(s.limit_bytes, s.high - s.low);
		assert_int_equal(s.used_bytes, BLOCK_BYTES - 0x2000);
		if (i < 2) {
			assert_true(s.has_guard);
			assert_int_equal(s.guard_bytes, 0x1000);
		}
	}
}

/* The C library knows of no guard, for the program (a JVM) protects the lowest pages of the stack itself; but not all that is inaccessible there is a guard. */
static void test_own_guard(void **state) {
	static const struct {
		uint64_t zone; /* inaccessible, at the block's end */
		const char *permissions;
		bool guard;
	} cases[] = { { 0x4000, "", true }, { MIB(1), "", true }, { MIB(1) + 0x1000, "", false }, { 0x4000, "rw", false }, { 0x4000, "r", false } };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		uint64_t low = GUARD - MIB(4), end = low + MIB(3);
		_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
		struct cw_stack s;

		writer_map(w, CODE, 0x1000, "rx", 0x1000);
		writer_map(w, low, cases[i].zone, cases[i].permissions, 0);
		writer_map(w, low + cases[i].zone, end - low - cases[i].zone, "rw", end - low - cases[i].zone);
		writer_auxv(w, AT_RANDOM, MAIN);
		writer_put(w, end - 0x900, end - 0x900, 0, end - 0x900);
		writer_put(w, end - 0x900 + 0x690, low, end - low, 0, 0);
		writer_thread(w, 101, "rip", CODE, "rsp", low + MIB(2), "fs_base", end - 0x900, NULL);
		writer_process(w, 100, 1000, "test", "test");
		writer_signal(w, SIGSEGV, 1, 0x10);
		s = bounds(w, NULL);
		check(&s, CW_STACK_PTHREAD, cases[i].guard ? low + cases[i].zone : low, end);
		assert_int_equal(s.has_guard, cases[i].guard);
		assert_int_equal(s.guard_bytes, cases[i].guard ? cases[i].zone : 0);
		assert_int_equal(s.limit_bytes, s.high - s.low);
	}
}

/* fork() in a thread: its child's only thread is the main one, and runs on that thread's stack. */
static void test_forked_thread(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
	struct cw_stack s;

	(void)state;
	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	writer_map(w, GUARD, 0x1000, "", 0);
	writer_map(w, BLOCK, BLOCK_BYTES, "rw", BLOCK_BYTES);
	writer_map(w, MAIN, MAIN_BYTES, "rw", MAIN_BYTES);
	writer_auxv(w, AT_RANDOM, MAIN + MAIN_BYTES - 0x200);
	glibc(w, GUARD, BLOCK_BYTES + 0x1000, 0x1000);
	writer_thread(w, 100, "rip", CODE, "rsp", BLOCK + 0x2000, "fs_base", TLS, NULL);
	writer_process(w, 100, 1000, "test", "test");
	writer_signal(w, SIGSEGV, 1, 0x10);
	s = bounds(w, NULL);
	check(&s, CW_STACK_PTHREAD, BLOCK, END);
	assert_true(s.has_guard);
}

static void test_musl(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(BLOCK + 0x2000, 101);
	struct cw_stack s;

	(void)state;
	musl(w);
	s = bounds(w, NULL);
	check(&s, CW_STACK_PTHREAD, BLOCK, TLS - 0x100);
	assert_true(s.has_guard);
	assert_int_equal(s.guard_bytes, 0x1000);
	assert_non_null(strstr(s.source, "musl"));
}

static void test_i386(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_386);
	struct cw_stack s;

	(void)state;
	writer_map(w, 0x8048000, 0x1000, "rx", 0x1000);
	writer_map(w, 0xf7000000, 0x40000, "rw", 0x40000);
	writer_put(w, 0xf703f700, 0xf703f700);
	writer_put(w, 0xf703f700 + 0x33c, 0xf6fff000, 0x41000, 0x1000);
	writer_thread(w, 101, "eip", UINT64_C(0x8048000), "esp", UINT64_C(0xf7001000), "gs", UINT64_C(0x63), NULL);
	writer_386_tls(w, 12, 0xf703f700);
	writer_process(w, 100, 1000, "test", "test");
	writer_signal(w, SIGSEGV, 1, 0x10);
	s = bounds(w, NULL);
	check(&s, CW_STACK_PTHREAD, 0xf7000000, 0xf7040000);
}

/* At an overflow SP is in the guard: it is that stack's all the same. */
static void test_in_the_guard(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(BLOCK - 0x10, 101);
	struct cw_stack s;

	(void)state;
	glibc(w, GUARD, BLOCK_BYTES + 0x1000, 0x1000);
	s = bounds(w, NULL);
	check(&s, CW_STACK_PTHREAD, BLOCK, END);
	assert_int_equal(s.used_bytes, BLOCK_BYTES + 0x10);
}

/* The program's own stack (a coroutine's): the mapping, and the PROT_NONE page below it. */
static void test_custom(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(OTHER + 0x8000, 101);
	struct cw_stack s;

	(void)state;
	glibc(w, GUARD, BLOCK_BYTES + 0x1000, 0x1000);
	s = bounds(w, NULL);
	check(&s, CW_STACK_CUSTOM, OTHER, OTHER + 0x10000);
	assert_true(s.has_guard);
	assert_int_equal(s.guard_bytes, 0x1000);
}

static void test_nowhere(void **state) {
	static const uint64_t sps[] = { 0, 8, CODE + 0x100, UINT64_C(0x4141414141414141), UINT64_MAX, UINT64_C(0x10000000), MAIN + MAIN_BYTES + 0x100000 };

	(void)state;
	for (size_t i = 0; i < 2 * ELEMENTSOF(sps); i++) {
		_cleanup_(writer_freep) struct writer *w = begin(sps[i / 2], i & 1 ? 100 : 101);
		struct cw_stack s;

		glibc(w, GUARD, BLOCK_BYTES + 0x1000, 0x1000);
		s = bounds(w, NULL);
		assert_int_equal(s.kind, CW_STACK_UNKNOWN);
		assert_false(s.has_bounds);
		assert_int_equal(s.sp, sps[i / 2]);
	}
}

/* struct pthread that is no such thing. */
static void test_not_a_pthread(void **state) {
	static const struct { uint64_t block, size, guard; } cases[] = {
		{ 0, UINT64_MAX, 0 },        { GUARD, UINT64_MAX, 0x1000 }, { GUARD, 0, 0 },        { TLS + 8, 0x10000, 0 },
		{ GUARD, 0x1000, 0 },        { GUARD, 0x80000, 0x80000 },   { GUARD, 0x80000, 12 }, { GUARD + 1, 0x80000, 0x1000 },
		{ UINT64_MAX, UINT64_MAX, 0 }, { 1, UINT64_MAX, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_(writer_freep) struct writer *w = begin(BLOCK + 0x2000, 101);
		struct cw_stack s;

		glibc(w, cases[i].block, cases[i].size, cases[i].guard);
		s = bounds(w, NULL);
		assert_int_not_equal(s.kind, CW_STACK_PTHREAD);
	}
}

/* Go's own thread-local storage lies in its heap: words there can look like a record, but nothing there points to itself. */
static void test_no_thread_control_block(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(BLOCK + 0x2000, 101), *m = begin(BLOCK + 0x2000, 101);
	struct cw_stack s;

	(void)state;
	writer_put(w, TLS + 0x690, GUARD, BLOCK_BYTES + 0x1000, 0x1000, 0x1000);
	s = bounds(w, NULL);
	assert_int_not_equal(s.kind, CW_STACK_PTHREAD);
	musl(m);
	writer_put(m, TLS, 0);
	s = bounds(m, NULL);
	assert_int_not_equal(s.kind, CW_STACK_PTHREAD);
}

static struct cw_stack with_alt(struct core *core, uint64_t sp, uint64_t low, uint64_t size) {
	const struct stack_alt alt = { low, size };
	struct cw_stack s;

	stack_find_bounds(core, &core->threads[0], sp, &alt, &s);
	return s;
}

static void test_alternate(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(BLOCK + 0x2000, 101);
	struct cw_stack s;

	(void)state;
	glibc(w, GUARD, BLOCK_BYTES + 0x1000, 0x1000);
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);
	s = with_alt(core, OTHER + 0x1000, OTHER, 0x2000);
	check(&s, CW_STACK_ALTERNATE, OTHER, OTHER + 0x2000);
	assert_true(s.has_guard);
	assert_int_equal(s.used_bytes, 0x1000);
	/* Overflown: just below it. */
	s = with_alt(core, OTHER - 0x10, OTHER, 0x2000);
	check(&s, CW_STACK_ALTERNATE, OTHER, OTHER + 0x2000);
	/* On its own stack, the alternate one far away. */
	s = with_alt(core, BLOCK + 0x2000, OTHER, 0x2000);
	check(&s, CW_STACK_PTHREAD, BLOCK, END);
	/* An alternate stack of no size is none. */
	s = with_alt(core, BLOCK + 0x2000, BLOCK + 0x1000, 0);
	check(&s, CW_STACK_PTHREAD, BLOCK, END);
}

/* The alternate stack happens to lie right above the thread's own one: SP decides, for both are known. */
static void test_alternate_above_own(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(BLOCK + 0x2000, 101);
	struct cw_stack s;

	(void)state;
	glibc(w, GUARD, BLOCK_BYTES + 0x1000, 0x1000);
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);
	s = with_alt(core, BLOCK + 0x2000, END, 0x4000);
	check(&s, CW_STACK_PTHREAD, BLOCK, END);
}

/* uc_stack is the program's memory: whatever it says, low stays below high. */
static void test_hostile_alternate(void **state) {
	static const struct { uint64_t sp, low, size; } cases[] = {
		{ 0x100, UINT64_MAX - 0x10, 0x1000 }, { 0x100, UINT64_MAX, UINT64_MAX }, { UINT64_MAX, UINT64_MAX - 1, 8 }, { 0, 0, UINT64_MAX },
		{ 0x1000, 0x80000, UINT64_MAX - 0x100 }, { 5, 0, 1 },
	};
	_cleanup_(writer_freep) struct writer *w = begin(BLOCK + 0x2000, 101);

	(void)state;
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct cw_stack s = with_alt(core, cases[i].sp, cases[i].low, cases[i].size);

		assert_true(!s.has_bounds || s.low < s.high);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_main),          cmocka_unit_test(test_glibc),     cmocka_unit_test(test_musl),
		cmocka_unit_test(test_own_guard), cmocka_unit_test(test_forked_thread),
		cmocka_unit_test(test_i386),          cmocka_unit_test(test_in_the_guard), cmocka_unit_test(test_custom),
		cmocka_unit_test(test_nowhere),       cmocka_unit_test(test_not_a_pthread), cmocka_unit_test(test_no_thread_control_block), cmocka_unit_test(test_alternate),
		cmocka_unit_test(test_alternate_above_own), cmocka_unit_test(test_hostile_alternate),
	};

	return cmocka_run_group_tests_name("stack", tests, NULL, NULL);
}
