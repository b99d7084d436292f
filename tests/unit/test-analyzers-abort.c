/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * analyzers/abort*.c: what a C library says when it aborts, and what must not be believed. What cores of real programs
 * hold is tested with the corpus.
 */
#include "fake-host.h"

#define DECLARE(name) extern const struct cw_analyzer cw_builtin_##name
DECLARE(abort_message);

static void abort_message(const char *text) {
	variable("__abort_msg", DATA);
	put(DATA, HEAP);
	put_text(HEAP + 4, text);
}

static void test_assertion(void **state) {
	(void)state;
	stack("+abort", "+__assert_fail", "ns::check(int)", "main", NULL);
	abort_message("app: src/a.c:12: void ns::check(int): Assertion `f(\"a: b\") == 3' failed.\n");
	run(&cw_builtin_abort_message);
	check("assertion-failure", CW_CERTAIN);
	has_fact("culprit=ns::check;");
	has_fact("expression=f(\"a: b\") == 3;");
	has_fact("file=src/a.c;line=12;");
	has_fact("function=void ns::check(int);");
}

static void test_left_over_message(void **state) {
	(void)state;
	/* A handler survived the assertion; this abort() is another one. */
	stack("+abort", "later", "main", NULL);
	abort_message("app: a.c:1: f: Assertion `0' failed.");
	run(&cw_builtin_abort_message);
	assert_int_equal(n_findings, 0);
}

static void test_message_is_not_text(void **state) {
	(void)state;
	stack("+abort", "+?", "+?", "main", NULL);
	abort_message("free(): inv\001lid pointer");
	run(&cw_builtin_abort_message);
	assert_int_equal(n_findings, 0);
	put(DATA, 0xdead0000beef);
	run(&cw_builtin_abort_message);
	assert_int_equal(n_findings, 0);
}

static void test_scanned_frames(void **state) {
	(void)state;
	stack("+abort", "+__assert_fail", "check", NULL);
	frames[1].trust = CW_TRUST_SCAN;
	abort_message("app: a.c:1: check: Assertion `0' failed.");
	run(&cw_builtin_abort_message);
	check("assertion-failure", CW_LIKELY);
}

static void test_heap(void **state) {
	static const struct {
		const char *message, *fact;
	} cases[] = {
		{ "free(): invalid pointer", "culprit=drop;" },
		{ "free(): double free detected in tcache 2", "kind=double-free;" },
		{ "malloc(): corrupted top size", "culprit=null;detected_in=drop;" },
		{ "corrupted size vs. prev_size", "culprit=null;" },
		{ "double free or corruption (!prev)", "culprit=null;" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(state);
		stack("+abort", "+__libc_message", "+malloc_printerr", "+__libc_free", "drop", "main", NULL);
		abort_message(cases[i].message);
		run(&cw_builtin_abort_message);
		check("heap-corruption", CW_CERTAIN);
		has_fact(cases[i].fact);
	}
}

static void test_tail_call(void **state) {
	(void)state;
	stack("+abort", "+__fortify_fail", "+__strcpy_chk", "main", NULL);
	abort_message("*** buffer overflow detected ***: terminated\n");
	symbols[9] = (struct cw_symbol){ .at.function = "store", .start = CODE + 0x900, .size = 0x10 };
	instructions[n_instructions++] = (struct cw_instruction){ .address = frames[3].pc - 5,
		.length = 5,
		.text = "call 0x400900",
		.class_ = CW_INSN_CALL,
		.operands = { { .text = "0x400900" } },
		.n_operands = 1 };
	run(&cw_builtin_abort_message);
	check("buffer-overflow", CW_CERTAIN);
	has_fact("called=strcpy;culprit=store;");
}

static void test_call_constants(void **state) {
	struct cw_instruction *i = instructions;
	uint64_t start = CODE + 0x200;

	(void)state;
	stack("+abort", "std::__glibcxx_assert_fail(char const*, int, char const*, char const*)", "pick(int)", "main",
	    NULL);
	put_text(CONST, "stl_vector.h");
	put_text(CONST + 0x20, "__n < this->size()");
	i[0] = (struct cw_instruction){ .address = start,
		.length = 0x10,
		.text = "lea rax, [rip + 1]",
		.n_operands = 2,
		.operands = { { .text = "rax" },
		    { .text = "",
			.is_memory = true,
			.base = "rip",
			.displacement = (int64_t)(CONST + 0x20 - start - 0x10) } } };
	i[1] = (struct cw_instruction){ .address = start + 0x10,
		.length = 0x10,
		.text = "mov rcx, rax",
		.n_operands = 2,
		.operands = { { .text = "rcx" }, { .text = "rax" } } };
	i[2] = (struct cw_instruction){ .address = start + 0x20,
		.length = 0x10,
		.text = "mov esi, 0x463",
		.n_operands = 2,
		.operands = { { .text = "esi" }, { .text = "0x463" } } };
	i[3] = (struct cw_instruction){
		.address = start + 0x30,
		.length = 0x10,
		.text = "lea rdi, [rip + 1]",
		.n_operands = 2,
		.operands = { { .text = "rdi" },
		    { .text = "", .is_memory = true, .base = "rip", .displacement = (int64_t)(CONST - start - 0x40) } }
	};
	i[4] = (struct cw_instruction){
		.address = start + 0x40, .length = 0x10, .text = "call 0x1", .class_ = CW_INSN_CALL
	};
	n_instructions = 5;
	run(&cw_builtin_abort_message);
	check("assertion-failure", CW_CERTAIN);
	has_fact("expression=__n < this->size();");
	has_fact("file=stl_vector.h;line=1123;");
	/* A jump between: the registers may have come by another way. */
	i[3].text = "jne 0x1";
	i[3].class_ = CW_INSN_JUMP;
	run(&cw_builtin_abort_message);
	check("assertion-failure", CW_CERTAIN);
	has_fact("expression=null;");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_assertion),
		TEST(test_left_over_message),
		TEST(test_message_is_not_text),
		TEST(test_scanned_frames),
		TEST(test_heap),
		TEST(test_tail_call),
		TEST(test_call_constants),
	};

	return cmocka_run_group_tests_name("analyzers-abort", tests, NULL, NULL);
}
