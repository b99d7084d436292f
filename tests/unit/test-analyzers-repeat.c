/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* analyzers/stack-overflow-repeat.c: recursion by return addresses that stand on a stack in step, and what only looks so. */
#include "fake-host.h"

#include "stack-overflow.h"

#define SIZE UINT64_C(0x8000)
#define RETURN (CODE + 0x105) /* behind a call of five bytes */
#define STEP 96

static struct overflow_repeat found;

/* A stack of which all is used, with one address on it, `turns` times from 0x40 above SP up. */
static void scene(uint64_t address, size_t turns, uint64_t step) {
	thread.stack = (struct cw_stack){ .has_bounds = true, .low = STACK, .high = STACK + SIZE, .sp = STACK };
	fault.sp = STACK;
	for (size_t i = 0; i < turns; i++)
		put(STACK + 0x40 + i * step, address);
	instructions[n_instructions++] = (struct cw_instruction){ .address = RETURN - 5, .length = 5, .class_ = CW_INSN_CALL };
}

static bool repeats(void) {
	found = (struct overflow_repeat){ 0 };
	return overflow_find_repeat(&core, SIZE, &found);
}

static void test_found(void **state) {
	(void)state;
	scene(RETURN, 300, STEP);
	assert_true(repeats());
	assert_int_equal(found.address, RETURN);
	assert_int_equal(found.at, STACK + 0x40);
	assert_int_equal(found.step, STEP);
	assert_int_equal(found.turns, 300);
	/* SP at an odd place, and below the stack. */
	fault.sp = STACK + 3;
	assert_true(repeats());
	assert_int_equal(found.turns, 300);
	fault.sp = STACK - 0x10000;
	assert_true(repeats());
	assert_int_equal(found.turns, 300);
}

/* Half of what is used, and 32 turns. */
static void test_too_few(void **state) {
	(void)state;
	scene(RETURN, SIZE / 2 / STEP - 2, STEP);
	assert_false(repeats());
	setup(state);
	scene(RETURN, 31, 1024);
	assert_false(repeats());
	setup(state);
	scene(RETURN, 31, 1000);
	put(STACK + 0x40 + 31 * 1000, RETURN);
	assert_true(repeats());
	assert_int_equal(found.turns, 32);
}

/* A turn that is missing in the middle ends it. */
static void test_broken(void **state) {
	(void)state;
	scene(RETURN, 300, STEP);
	put(STACK + 0x40 + 150 * STEP, 0);
	assert_false(repeats());
}

/* Filled with what is no return address: a constant, a pointer to data, code that is not behind a call, code of nobody's. */
static void test_no_return_address(void **state) {
	static const uint64_t fillings[] = { 0x20, UINT64_C(0x4141414141414141), DATA + 0x10, CODE + 0x300, CODE + 2, STACK + 0x40, RETURN - 1 };

	for (size_t i = 0; i < sizeof(fillings) / sizeof(fillings[0]); i++) {
		setup(state);
		scene(fillings[i], 300, STEP);
		assert_false(repeats());
	}
	setup(state);
	scene(RETURN, 300, STEP);
	instructions[0].class_ = CW_INSN_JUMP;
	assert_false(repeats());
	instructions[0].class_ = CW_INSN_CALL;
	instructions[0].length = 4; /* it ends in front of the address */
	assert_false(repeats());
}

static void test_nothing_to_look_at(void **state) {
	(void)state;
	scene(RETURN, 300, STEP);
	thread.stack.has_bounds = false;
	assert_false(repeats());
	thread.stack.has_bounds = true;
	/* SP above the stack; a stack that the core does not hold. */
	fault.sp = STACK + SIZE;
	assert_false(repeats());
	thread.stack.low = STACK - 0x100000;
	thread.stack.high = fault.sp = STACK - 0x80000;
	assert_false(repeats());
}

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_found), TEST(test_too_few), TEST(test_broken), TEST(test_no_return_address), TEST(test_nothing_to_look_at),
	};

	return cmocka_run_group_tests_name("analyzers-repeat", tests, NULL, NULL);
}
