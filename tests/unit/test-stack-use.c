/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/stack-use: every byte from SP to the stack's high end has an owner, or is said to have none; nothing is taken for what it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/auxv.h>

#include "core-writer.h"
#include "core/stack.h"

#define CODE UINT64_C(0x400000)
#define MAIN UINT64_C(0x7ffd00000000)
#define MAIN_BYTES UINT64_C(0x21000)
#define MAIN_END (MAIN + MAIN_BYTES)
#define RANDOM (MAIN_END - 0x200)
#define AUXV (RANDOM - 0x40)          /* AT_PAGESZ, AT_RANDOM, AT_NULL: 0x30 bytes */
#define GUARD UINT64_C(0x7f0000000000)
#define BLOCK (GUARD + 0x1000)
#define BLOCK_BYTES UINT64_C(0x7f000)
#define END (BLOCK + BLOCK_BYTES)
#define TLS (END - 0x900)
#define FRAME UINT64_C(0x40)          /* of the two frames that every thread here has; of the outer one the size is not known */

/* Two frames, by the frame pointer. */
static struct writer *begin(uint64_t sp, int32_t id) {
	struct writer *w = writer_new(EM_X86_64);

	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	writer_map(w, GUARD, 0x1000, "", 0);
	writer_map(w, BLOCK, BLOCK_BYTES, "rw", BLOCK_BYTES);
	writer_map(w, MAIN, MAIN_BYTES, "rw", MAIN_BYTES);
	writer_auxv(w, AT_PAGESZ, 4096);
	writer_auxv(w, AT_RANDOM, RANDOM);
	writer_thread(w, id, "rip", CODE + 0x10, "rsp", sp, "rbp", sp + FRAME - 16, "fs_base", id == 100 ? 0 : TLS, NULL);
	writer_process(w, 100, 1000, "test", "test");
	writer_signal(w, SIGSEGV, 1, 0x10);
	writer_bytes(w, CODE, "\xe8\x0b\x00\x00\x00", 5);
	writer_put(w, sp + FRAME - 16, 0, CODE + 5);
	return w;
}

static void put_auxv(struct writer *w, uint64_t at) {
	writer_put(w, at, AT_PAGESZ, 4096, AT_RANDOM, RANDOM, AT_NULL, 0);
}

/* argc 1, argv, two strings of the environment: 6 words and the zero behind each list. */
static void put_vectors(struct writer *w, uint64_t argc) {
	writer_put(w, AUXV - 6 * 8, argc, RANDOM + 0x20, 0, RANDOM + 0x30, RANDOM + 0x38, 0);
}

static struct core *load(struct writer *w) {
	struct core *core = writer_load(w, UNPACK_PLAIN, NULL);

	assert_int_equal(core_symbolize(core), 0);
	return core;
}

/* The figures add up, and the parts neither overlap nor leave the stack. */
static const struct cw_stack_use *use_of(const struct core *core) {
	const struct cw_thread *t = &core->threads[0];
	const struct cw_stack_use *u = &t->use;
	uint64_t sum = u->frames_bytes + u->unaccounted_bytes, at = t->stack.sp + u->frames_bytes;

	assert_true(u->known);
	for (size_t i = 0; i < u->n_parts; i++) {
		assert_true(u->parts[i].start >= at);
		at = u->parts[i].start + u->parts[i].bytes;
		sum += u->parts[i].bytes;
	}
	assert_true(at <= t->stack.high);
	assert_int_equal(sum, t->stack.used_bytes);
	return u;
}

static void test_main(void **state) {
	uint64_t sp = AUXV - 6 * 8 - FRAME - 0x18;
	_cleanup_(writer_freep) struct writer *w = begin(sp, 100);
	_cleanup_(core_freep) struct core *core = NULL;
	const struct cw_stack_use *u;

	(void)state;
	put_auxv(w, AUXV);
	put_vectors(w, 1);
	core = load(w);
	u = use_of(core);
	assert_int_equal(u->frames_bytes, FRAME);
	assert_int_equal(u->n_parts, 2);
	assert_int_equal(u->parts[0].kind, CW_PART_ARGUMENTS);
	assert_int_equal(u->parts[0].start, AUXV - 6 * 8);
	assert_int_equal(u->parts[0].bytes, 6 * 8 + 0x30);
	assert_int_equal(u->parts[1].kind, CW_PART_STRINGS);
	assert_int_equal(u->parts[1].start + u->parts[1].bytes, MAIN_END);
	assert_int_equal(u->unaccounted_bytes, 0x18);
}

/* What the program has overwritten is not believed: argc that does not fit its list, a vector that is not there. */
static void test_main_overwritten(void **state) {
	uint64_t sp = AUXV - 0x1000;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		_cleanup_(writer_freep) struct writer *w = begin(sp, 100);
		_cleanup_(core_freep) struct core *core = NULL;
		const struct cw_stack_use *u;

		if (i != 2)
			put_auxv(w, AUXV);
		put_vectors(w, i == 0 ? 1 : 2);
		core = load(w);
		u = use_of(core);
		assert_int_equal(u->n_parts, i == 2 ? 0 : 2);
		if (i < 2)
			assert_int_equal(u->parts[0].start, i == 0 ? AUXV - 6 * 8 : AUXV);
		else
			assert_int_equal(u->unaccounted_bytes, MAIN_END - sp - FRAME);
	}
}

/* Unwinding did not reach clone(), so only the record of the thread is known to be one; what lies below it is not. */
static void test_pthread(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(TLS - 0x800, 101);
	_cleanup_(core_freep) struct core *core = NULL;
	const struct cw_stack_use *u;

	(void)state;
	writer_put(w, TLS, TLS, 0, TLS);
	writer_put(w, TLS + 0x690, GUARD, BLOCK_BYTES + 0x1000, 0x1000, 0x1000);
	core = load(w);
	assert_int_equal(core->threads[0].stack.kind, CW_STACK_PTHREAD);
	u = use_of(core);
	assert_int_equal(u->n_parts, 1);
	assert_int_equal(u->parts[0].kind, CW_PART_THREAD_CONTROL);
	assert_int_equal(u->parts[0].start, TLS);
	assert_int_equal(u->parts[0].bytes, END - TLS);
	assert_int_equal(u->unaccounted_bytes, 0x800 - FRAME);
}

/* A TLS register that points elsewhere has no part on this stack. */
static void test_user_stack(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(BLOCK + 0x1000, 101);
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	core = load(w);
	assert_int_equal(core->threads[0].stack.kind, CW_STACK_CUSTOM);
	assert_int_equal(use_of(core)->n_parts, 0);
}

/* SP in no stack: nothing is claimed. */
static void test_unknown(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(BLOCK + 0x1000, 101);
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	writer_free(w);
	w = writer_new(EM_X86_64);
	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	writer_thread(w, 101, "rip", CODE, "rsp", UINT64_C(0x1000), NULL);
	writer_signal(w, SIGSEGV, 1, 0x10);
	core = load(w);
	assert_false(core->threads[0].use.known);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_main),
		cmocka_unit_test(test_main_overwritten),
		cmocka_unit_test(test_pthread),
		cmocka_unit_test(test_user_stack),
		cmocka_unit_test(test_unknown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
