/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/fault: a handler raised its signal again and returned; only the instruction is left to tell what happened. */
#include "fault-case.h"

#define LOAD_RAX "\x8b\x00" /* mov eax, dword ptr [rax] */
#define DIV_ECX "\xf7\xf1"
#define UD2 "\x0f\x0b"
#define NOP "\x90"
/* Neither where the stack ends nor in a guard. */
#define MIDDLE (HIGH - 0x8000)

static void check(int number, const char *code, size_t length, const char *reg, uint64_t value, enum cw_fault_cause cause) {
	struct core *core = make_core();
	const struct cw_fault *f;

	set(core, reg, value);
	f = run(core, make_signal(number, -6, 0), code, length, MIDDLE);
	if (f->cause != cause)
		fail_msg("signal %d with %s = 0x%llx: cause %d, not %d (%s)", number, reg, (unsigned long long)value, f->cause, cause, f->cause_text ?: "no reason");
	if (cause != CW_CAUSE_SENT) {
		assert_int_equal(f->source, CW_FAULT_RECONSTRUCTED);
		assert_non_null(f->cause_text);
		assert_false(f->signal.has_code);
		assert_int_equal(f->signal.number, number);
	}
	drop_core(core);
}
#define CHECK(number, code, reg, value, cause) check(number, code, sizeof(code) - 1, reg, value, cause)

static void test_memory(void **state) {
	(void)state;
	CHECK(SIGSEGV, LOAD_RAX, "rax", 0x10, CW_CAUSE_PAGE_FAULT);
	CHECK(SIGSEGV, LOAD_RAX, "rax", 0x4141414141414141, CW_CAUSE_NON_CANONICAL);
	CHECK(SIGBUS, LOAD_RAX, "rax", 0x10, CW_CAUSE_PAGE_FAULT);
	/* It could have gone on: somebody sent the signal. */
	CHECK(SIGSEGV, LOAD_RAX, "rax", DATA, CW_CAUSE_SENT);
	CHECK(SIGSEGV, NOP, "rax", 0x10, CW_CAUSE_SENT);
}

static void test_exceptions(void **state) {
	(void)state;
	CHECK(SIGFPE, DIV_ECX, "rcx", 0, CW_CAUSE_OTHER_EXCEPTION);
	CHECK(SIGFPE, DIV_ECX, "rcx", UINT64_C(0x700000000), CW_CAUSE_OTHER_EXCEPTION);
	CHECK(SIGFPE, DIV_ECX, "rcx", 5, CW_CAUSE_SENT);
	CHECK(SIGILL, UD2, "rax", 0, CW_CAUSE_OTHER_EXCEPTION);
	CHECK(SIGILL, NOP, "rax", 0, CW_CAUSE_SENT);
	/* Another signal than the instruction raises. */
	CHECK(SIGABRT, UD2, "rax", 0, CW_CAUSE_SENT);
}

static void test_address(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	set(core, "rax", 0x18);
	f = run(core, make_signal(SIGSEGV, -6, 0), LOAD_RAX, 2, MIDDLE);
	assert_true(f->has_address);
	assert_int_equal(f->address, 0x18);
	assert_int_equal(f->access, CW_ACCESS_READ);
	assert_int_equal(f->region.kind, CW_REGION_NULL_PAGE);
	drop_core(core);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
