/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/fault: the reason of every kind of SIGSEGV and SIGBUS. */
#include "fault-case.h"

static void test_null_write(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	f = RUN(core, make_signal(SIGSEGV, 1, 0), MOV_RAX, HEALTHY);
	assert_int_equal(f->source, CW_FAULT_SIGINFO);
	assert_int_equal(f->cause, CW_CAUSE_PAGE_FAULT);
	assert_int_equal(f->access, CW_ACCESS_WRITE);
	assert_true(f->has_address);
	assert_int_equal(f->region.kind, CW_REGION_NULL_PAGE);
	assert_int_equal(f->frame_index, 0);
	assert_int_equal(f->trap_number, -1);
	assert_int_equal(f->error_code, -1);
	assert_string_equal(f->instruction->text, "mov dword ptr [rax], 1");
	assert_int_equal(threads[0].stack.sp, HEALTHY);
	drop_core(core);
}

/* The address lies within the operand, not at its start; and where no operand holds it, no access is claimed. */
static void test_access_within_operand(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	set(core, "rax", DATA + 0x1ffe);
	f = RUN(core, make_signal(SIGSEGV, 1, DATA + 0x2000), LOAD_RAX, HEALTHY);
	assert_int_equal(f->access, CW_ACCESS_READ);
	assert_int_equal(f->region.kind, CW_REGION_UNMAPPED);
	set(core, "rax", DATA);
	f = RUN(core, make_signal(SIGSEGV, 1, DATA + 0x2000), LOAD_RAX, HEALTHY);
	assert_int_equal(f->access, CW_ACCESS_UNKNOWN);
	drop_core(core);
}

static void test_exec(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	set(core, "rip", DATA);
	fake_add_memory(DATA, NOP, 1);
	f = run(core, make_signal(SIGSEGV, 2, DATA), NULL, 0, HEALTHY);
	assert_int_equal(f->access, CW_ACCESS_EXEC);
	assert_int_equal(f->region.kind, CW_REGION_HEAP);
	/* bytes that cannot be executed are no instruction */
	assert_null(f->instruction);
	drop_core(core);
}

static void test_non_canonical_data(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	set(core, "rax", 0x4141414141414140);
	f = RUN(core, make_signal(SIGSEGV, 128, 0), LOAD_RAX, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_NON_CANONICAL);
	assert_int_equal(f->source, CW_FAULT_RECONSTRUCTED);
	assert_true(f->has_address);
	assert_int_equal(f->address, 0x4141414141414140);
	assert_int_equal(f->access, CW_ACCESS_READ);
	assert_int_equal(f->region.kind, CW_REGION_NON_CANONICAL);
	assert_non_null(f->cause_text);
	/* the kernel's signal itself stays as it was */
	assert_false(f->signal.has_address);
	drop_core(core);
}

/* ret, jmp and call to no address: the CPU stops at the instruction, not at its target. */
static void test_non_canonical_target(void **state) {
	static const uint64_t target = 0x4242424242424242;
	static const struct {
		const char *code;
		size_t length;
	} cases[] = { { "\xc3", 1 }, { "\xff\xe0", 2 }, { "\xff\xd0", 2 } };
	const struct cw_fault *f;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct core *core = make_core();

		fake_add_memory(HEALTHY, &target, sizeof(target));
		set(core, "rax", target);
		f = run(core, make_signal(SIGSEGV, 128, 0), cases[i].code, cases[i].length, HEALTHY);
		assert_int_equal(f->cause, CW_CAUSE_NON_CANONICAL);
		assert_int_equal(f->access, CW_ACCESS_EXEC);
		assert_int_equal(f->address, target);
		drop_core(core);
	}
}

/* #SS: a stack access to no address is SIGBUS. */
static void test_non_canonical_stack(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	f = RUN(core, make_signal(SIGBUS, 128, 0), "\x50", 0x4242424242424242);
	assert_int_equal(f->cause, CW_CAUSE_NON_CANONICAL);
	assert_int_equal(f->access, CW_ACCESS_WRITE);
	assert_int_equal(f->address, 0x424242424242423a);
	drop_core(core);
}

static void test_privileged(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	f = RUN(core, make_signal(SIGSEGV, 128, 0), "\xf4", LOW + 8);
	assert_int_equal(f->cause, CW_CAUSE_PRIVILEGED);
	assert_false(f->has_address);
	drop_core(core);
}

static void test_misaligned(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	set(core, "rax", DATA + 4);
	f = RUN(core, make_signal(SIGSEGV, 128, 0), MOVAPS_RAX, LOW + 8);
	assert_int_equal(f->cause, CW_CAUSE_MISALIGNED);
	assert_int_equal(f->address, DATA + 4);
	assert_int_equal(f->access, CW_ACCESS_WRITE);
	/* aligned: then it is something else */
	set(core, "rax", DATA + 16);
	f = RUN(core, make_signal(SIGSEGV, 128, 0), MOVAPS_RAX, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_UNKNOWN);
	drop_core(core);
}

/* The kernel reports an alignment check at address 0, which is nobody's. */
static void test_alignment_check(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	set(core, "rax", DATA + 2);
	f = RUN(core, make_signal(SIGBUS, 1, 0), LOAD_RAX, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_MISALIGNED);
	assert_true(f->has_address);
	assert_int_equal(f->address, DATA + 2);
	assert_int_equal(f->source, CW_FAULT_RECONSTRUCTED);
	drop_core(core);
	core = make_core();
	f = RUN(core, make_signal(SIGBUS, 1, 0), NOP, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_MISALIGNED);
	assert_false(f->has_address);
	drop_core(core);
}

static void test_bad_sigreturn(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	fake_add_memory(CODE, "\x0f\x05\x90", 3);
	set(core, "orig_rax", 15);
	set(core, "rip", CODE + 2);
	f = run(core, make_signal(SIGSEGV, 128, 0), NULL, 0, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_BAD_SIGRETURN);
	set(core, "orig_rax", 14);
	f = run(core, make_signal(SIGSEGV, 128, 0), NULL, 0, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_UNKNOWN);
	drop_core(core);
}

/* A call onto the guard page: SP itself is still on the stack. */
static void test_undeliverable_call(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	f = RUN(core, make_signal(SIGSEGV, 128, 0), CALL, LOW);
	assert_int_equal(f->cause, CW_CAUSE_SIGNAL_UNDELIVERABLE);
	assert_int_equal(f->source, CW_FAULT_RECONSTRUCTED);
	assert_true(f->has_address);
	assert_int_equal(f->address, LOW - 8);
	assert_int_equal(f->access, CW_ACCESS_WRITE);
	assert_int_equal(f->region.kind, CW_REGION_STACK_GUARD);
	assert_ptr_equal(f->region.thread, &threads[0]);
	assert_non_null(strstr(f->cause_text, "only 0 bytes above the end of the stack"));
	drop_core(core);
}

static void test_undeliverable_below(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	/* mov [rsp + 0x28], rdx with SP in the guard */
	f = RUN(core, make_signal(SIGSEGV, 128, 0), "\x48\x89\x54\x24\x28", LOW - 96);
	assert_int_equal(f->cause, CW_CAUSE_SIGNAL_UNDELIVERABLE);
	assert_int_equal(f->address, LOW - 96 + 0x28);
	assert_non_null(strstr(f->cause_text, "96 bytes below the end of the stack"));
	drop_core(core);
}

/* A guard that mappings do not show: the page below the stack looks like any other. */
static void test_undeliverable_hidden_guard(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	fake_mappings[3].perm = CW_PERM_READ | CW_PERM_WRITE;
	fake_stack.has_guard = false;
	f = RUN(core, make_signal(SIGSEGV, 128, 0), "\x48\x89\x54\x24\x28", LOW - 96);
	assert_int_equal(f->cause, CW_CAUSE_SIGNAL_UNDELIVERABLE);
	assert_true(f->has_address);
	assert_int_equal(f->address, LOW - 96 + 0x28);
	drop_core(core);
}

/* An asynchronous signal near the stack's end: no operand is to blame, so no address is told. */
static void test_undeliverable_asynchronous(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	f = RUN(core, make_signal(SIGSEGV, 128, 0), NOP, LOW + 1744);
	assert_int_equal(f->cause, CW_CAUSE_SIGNAL_UNDELIVERABLE);
	assert_int_equal(f->source, CW_FAULT_SIGINFO);
	assert_false(f->has_address);
	f = RUN(core, make_signal(SIGSEGV, 128, 0), NOP, LOW + 128 + FRAME_BYTES);
	assert_int_equal(f->cause, CW_CAUSE_UNKNOWN);
	drop_core(core);
}

/* A main stack can still grow: being near the end of its mapping is no exhaustion, being near its limit is. */
static void test_main_stack_grows(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	threads[0].is_main = true;
	fake_stack = threads[1].stack;
	f = RUN(core, make_signal(SIGSEGV, 128, 0), NOP, MAIN_LOW + 64);
	assert_int_equal(f->cause, CW_CAUSE_UNKNOWN);
	fake_stack.limit_bytes = MAIN_HIGH - MAIN_LOW;
	f = RUN(core, make_signal(SIGSEGV, 128, 0), NOP, MAIN_LOW + 64);
	assert_int_equal(f->cause, CW_CAUSE_SIGNAL_UNDELIVERABLE);
	f = RUN(core, make_signal(SIGSEGV, 128, 0), CALL, MAIN_LOW);
	assert_int_equal(f->cause, CW_CAUSE_SIGNAL_UNDELIVERABLE);
	assert_int_equal(f->region.kind, CW_REGION_BELOW_STACK);
	drop_core(core);
}

/* Enough stack, and yet the memory of the operand cannot be accessed: the alternate stack was at fault. */
static void test_behind_altstack(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	f = RUN(core, make_signal(SIGSEGV, 128, 0), MOV_RAX, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_PAGE_FAULT);
	assert_int_equal(f->source, CW_FAULT_RECONSTRUCTED);
	assert_true(f->has_address);
	assert_int_equal(f->address, 0);
	assert_int_equal(f->region.kind, CW_REGION_NULL_PAGE);
	drop_core(core);
}

static void test_unknown_kernel(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	set(core, "rax", DATA);
	f = RUN(core, make_signal(SIGSEGV, 128, 0), LOAD_RAX, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_UNKNOWN);
	assert_false(f->has_address);
	drop_core(core);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_null_write),
		cmocka_unit_test(test_access_within_operand),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_non_canonical_data),
		cmocka_unit_test(test_non_canonical_target),
		cmocka_unit_test(test_non_canonical_stack),
		cmocka_unit_test(test_privileged),
		cmocka_unit_test(test_misaligned),
		cmocka_unit_test(test_alignment_check),
		cmocka_unit_test(test_bad_sigreturn),
		cmocka_unit_test(test_undeliverable_call),
		cmocka_unit_test(test_undeliverable_below),
		cmocka_unit_test(test_undeliverable_hidden_guard),
		cmocka_unit_test(test_undeliverable_asynchronous),
		cmocka_unit_test(test_main_stack_grows),
		cmocka_unit_test(test_behind_altstack),
		cmocka_unit_test(test_unknown_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
