/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* analyzers/heap.c: faults in the C library's allocator, and faults near it that are none of its. */
#include "fake-host.h"

extern const struct cw_analyzer cw_builtin_heap;

static struct cw_instruction instruction = { .address = CODE + 0x50, .text = "mov rdx, qword ptr [rax + 8]" };

static void page_fault(uint64_t address) {
	fault = (struct cw_fault){ .cause = CW_CAUSE_PAGE_FAULT, .has_address = true, .address = address, .instruction = &instruction };
	fault.signal.number = SIGSEGV;
}

static void musl_stops(void) {
	fault = (struct cw_fault){ .cause = CW_CAUSE_PRIVILEGED };
	fault.signal.number = SIGSEGV;
}

static void none(void) {
	run(&cw_builtin_heap);
	assert_int_equal(n_findings, 0);
}

/* Where memory is asked for, somebody else did the damage: nobody is named. */
static void test_allocate(void **state) {
	(void)state;
	stack("+_int_malloc", "+malloc", "grow", "main", NULL);
	page_fault(0x4141414141414149);
	run(&cw_builtin_heap);
	check("heap-corruption", CW_LIKELY);
	has_fact("kind=corrupted;");
	has_fact("called=malloc;");
	has_fact("culprit=null;");
	has_fact("detected_in=grow;");
	assert_non_null(strstr(finding.evidence, "0x4141414141414149"));
	assert_non_null(strstr(finding.evidence, "instruction at 0x400050: mov rdx"));
}

/* Where it is given back, the pointer may be wrong: the caller gave it. */
static void test_give_back(void **state) {
	(void)state;
	stack("+_int_free", "+free", "drop", "main", NULL);
	page_fault(0x10);
	run(&cw_builtin_heap);
	check("heap-corruption", CW_LIKELY);
	has_fact("kind=invalid-free;");
	has_fact("culprit=drop;");
}

/* Without symbols the library's inner functions have no names; those that programs call have. */
static void test_unnamed(void **state) {
	(void)state;
	stack("+?", "+?", "+malloc", "grow", NULL);
	page_fault(0x10);
	run(&cw_builtin_heap);
	check("heap-corruption", CW_LIKELY);
	assert_non_null(strstr(finding.evidence, "an unnamed function"));
	setup(state);
	/* The program's own unnamed functions are no allocator. */
	stack("?", "+malloc", "grow", NULL);
	page_fault(0x10);
	none();
}

static void test_musl(void **state) {
	(void)state;
	libc.path = "/lib/ld-musl-x86_64.so.1";
	stack("+get_meta", "drop", "main", NULL);
	musl_stops();
	run(&cw_builtin_heap);
	check("heap-corruption", CW_CERTAIN);
	has_fact("kind=invalid-free;");
	/* A frame that was found by a scan may be a left-over. */
	setup(state);
	stack("+get_meta", "+__libc_free", "drop", NULL);
	frames[1].trust = CW_TRUST_SCAN;
	musl_stops();
	run(&cw_builtin_heap);
	check("heap-corruption", CW_LIKELY);
	libc.path = "/usr/lib/libc.so.6";
}

static void test_not(void **state) {
	static const char *const stacks[][3] = {
		{ "+memcpy", "grow" },              /* no allocator at all */
		{ "+free", "drop" },                /* the header in front of the argument: signal's */
		{ "grow", "+malloc" },              /* the program's own function, called by the allocator (a hook) */
		{ "+_int_malloc", "hook", "main" }, /* no function that programs call */
		{ "queue", "main" },                /* a name of musl's, in the program */
	};

	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
		setup(state);
		stack(stacks[i][0], stacks[i][1], stacks[i][2], NULL);
		page_fault(0x10);
		none();
	}
	/* hlt elsewhere, and an allocator that was interrupted by a signal which somebody sent. */
	setup(state);
	stack("halt", "main", NULL);
	musl_stops();
	none();
	setup(state);
	stack("+_int_malloc", "+malloc", "grow", NULL);
	none();
}

/* Frames of a handler that ran after the fault are passed over. */
static void test_behind_handler(void **state) {
	(void)state;
	stack("+raise", "handler", "?", "+_int_free", "+free", "drop", NULL);
	page_fault(0x10);
	fault.frame_index = 3;
	run(&cw_builtin_heap);
	check("heap-corruption", CW_LIKELY);
	has_fact("culprit=drop;");
	fault.frame_index = 5;
	none();
}

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_allocate), TEST(test_give_back), TEST(test_unnamed), TEST(test_musl), TEST(test_not), TEST(test_behind_handler),
	};

	return cmocka_run_group_tests_name("analyzers-heap", tests, NULL, NULL);
}
