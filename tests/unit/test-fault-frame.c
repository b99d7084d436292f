/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/fault: the original fault behind a handler, and what an address is. */
#include "fault-case.h"

struct frame {
	uint8_t siginfo[128];
	uint64_t ucontext[64];
};

/* A signal frame as the kernel writes it, at an address of its own. */
static void add_frame(struct core *core, size_t i, struct frame *frame, int number, int code, uint64_t address,
    uint64_t trap, uint64_t error, uint64_t cr2) {
	uint64_t at = HIGH - 0x1000 + i * 0x800;
	int32_t head[3] = { number, 0, code };

	memset(frame, 0, sizeof(*frame));
	memcpy(frame->siginfo, head, sizeof(head));
	memcpy(frame->siginfo + 16, &address, sizeof(address));
	frame->ucontext[192 / 8] = error;
	frame->ucontext[200 / 8] = trap;
	frame->ucontext[216 / 8] = cr2;
	frame->ucontext[16 / 8] = 0x600000;
	frame->ucontext[32 / 8] = 0x10000;
	fake_add_memory(at, frame, sizeof(*frame));
	contexts[i].frame_index = (uint32_t)(4 + 3 * i);
	contexts[i].siginfo = at;
	contexts[i].ucontext = at + offsetof(struct frame, ucontext);
	memcpy(contexts[i].registers, registers, sizeof(registers));
	contexts[i].registers[core->arch->pc] = CODE;
	contexts[i].registers[core->arch->sp] = LOW;
	core->n_signal_contexts = i + 1;
}

static void test_signal_frame(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;
	struct frame frame;

	(void)state;
	add_frame(core, 0, &frame, SIGSEGV, 2, LOW - 8, 14, 6, LOW - 8);
	f = RUN(core, make_signal(SIGABRT, -6, 0), CALL, HEALTHY);
	assert_int_equal(f->source, CW_FAULT_SIGNAL_FRAME);
	assert_int_equal(f->signal.number, SIGSEGV);
	assert_string_equal(f->signal.code_name, "SEGV_ACCERR");
	assert_int_equal(f->cause, CW_CAUSE_PAGE_FAULT);
	assert_int_equal(f->address, LOW - 8);
	assert_int_equal(f->access, CW_ACCESS_WRITE);
	assert_int_equal(f->trap_number, 14);
	assert_int_equal(f->error_code, 6);
	assert_int_equal(f->frame_index, 5);
	assert_int_equal(f->sp, LOW);
	assert_ptr_equal(f->registers, contexts[0].registers);
	assert_int_equal(f->region.kind, CW_REGION_STACK_GUARD);
	/* what was delivered stays */
	assert_int_equal(core->pub.signal.number, SIGABRT);
	assert_int_equal(fake_alt.low, 0x600000);
	assert_int_equal(fake_alt.size, 0x10000);
	drop_core(core);
}

static void test_error_code_tells_access(void **state) {
	static const struct {
		uint64_t error;
		enum cw_access access;
	} cases[] = { { 4, CW_ACCESS_READ }, { 6, CW_ACCESS_WRITE }, { 0x14, CW_ACCESS_EXEC } };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct core *core = make_core();
		struct frame frame;

		add_frame(core, 0, &frame, SIGSEGV, 1, 0x10, 14, cases[i].error, 0x10);
		assert_int_equal(RUN(core, make_signal(SIGSEGV, -6, 0), NOP, HEALTHY)->access, cases[i].access);
		drop_core(core);
	}
}

/* A general protection fault behind a handler: the frame could be written, so the stack is not to blame. */
static void test_signal_frame_protection(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;
	struct frame frame;

	(void)state;
	set(core, "rax", 0x4141414141414140);
	add_frame(core, 0, &frame, SIGSEGV, 128, 0, 13, 0, 0);
	f = RUN(core, make_signal(SIGABRT, -6, 0), LOAD_RAX, HEALTHY);
	assert_int_equal(f->source, CW_FAULT_SIGNAL_FRAME);
	assert_int_equal(f->cause, CW_CAUSE_NON_CANONICAL);
	assert_int_equal(f->address, 0x4141414141414140);
	drop_core(core);
}

/* A handler's frame for an unrelated signal is passed over for an older one with a fault. */
static void test_unrelated_frame(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;
	struct frame frames[2];

	(void)state;
	add_frame(core, 0, &frames[0], SIGALRM, 0, 0, 14, 6, 0x10);
	f = RUN(core, make_signal(SIGABRT, -6, 0), NOP, HEALTHY);
	assert_int_equal(f->source, CW_FAULT_SIGINFO);
	assert_int_equal(f->cause, CW_CAUSE_SENT);
	add_frame(core, 1, &frames[1], SIGSEGV, 1, 0x10, 14, 6, 0x10);
	f = RUN(core, make_signal(SIGABRT, -6, 0), NOP, HEALTHY);
	assert_int_equal(f->source, CW_FAULT_SIGNAL_FRAME);
	assert_int_equal(f->frame_index, 8);
	drop_core(core);
}

/* A fault of the CPU's at the current PC ended the process, whatever frames lie below: a program that protects a page of
 * its own and has a handler for it, whose handler crashed; and where the kernel tells no address. */
static void test_genuine_fault_wins(void **state) {
	static const struct {
		int code, first_code;
		uint64_t first, sp;
	} cases[] = { { 1, 2, DATA + 0x1000, HEALTHY }, { 2, 2, DATA + 0x1800, HEALTHY }, { 128, 1, 0x10, HEALTHY }, { 1, 1, 0x10, LOW } };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct core *core = make_core();
		const struct cw_fault *f;
		struct frame frame;

		add_frame(core, 0, &frame, SIGSEGV, cases[i].first_code, cases[i].first, 14, 6, cases[i].first);
		contexts[0].registers[core->arch->sp] = HEALTHY;
		f = RUN(core, make_signal(SIGSEGV, cases[i].code, 0x20), NOP, cases[i].sp);
		assert_int_not_equal(f->source, CW_FAULT_SIGNAL_FRAME);
		assert_int_equal(f->frame_index, 0);
		drop_core(core);
	}
}

/* The handler of a fault that crashed itself: the first fault is the story, if it was one that nobody expects, or if the
 * handler stumbled over the same place. */
static void test_handler_crashed(void **state) {
	static const struct {
		int code;
		uint64_t first, sp, second;
	} cases[] = {
		{ 1, 0x10, HEALTHY, 0x20 },                   /* nothing is there */
		{ 2, DATA + 0x1000, HEALTHY, DATA + 0x1008 }, /* the same page again */
		{ 2, GUARD + 0xff0, GUARD + 0xff8, GUARD + 0xff8 }, /* it read the stack that was exhausted */
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct core *core = make_core();
		const struct cw_fault *f;
		struct frame frame;

		add_frame(core, 0, &frame, SIGSEGV, cases[i].code, cases[i].first, 14, 6, cases[i].first);
		contexts[0].registers[core->arch->sp] = cases[i].sp;
		f = RUN(core, make_signal(SIGSEGV, 1, cases[i].second), NOP, HEALTHY);
		assert_int_equal(f->source, CW_FAULT_SIGNAL_FRAME);
		assert_int_equal(f->frame_index, 5);
		assert_int_equal(f->address, cases[i].first);
		assert_int_equal(f->sp, cases[i].sp);
		drop_core(core);
	}
}

/* Somebody else's signal, while a handler runs: that is not the handler's doing. */
static void test_other_sender(void **state) {
	struct core *core = make_core();
	struct cw_signal delivered = make_signal(SIGABRT, 0, 0);
	const struct cw_fault *f;
	struct frame frame;

	(void)state;
	delivered.sender_pid = 1;
	add_frame(core, 0, &frame, SIGSEGV, 1, 0x10, 14, 6, 0x10);
	f = RUN(core, delivered, NOP, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_SENT);
	assert_int_equal(f->source, CW_FAULT_SIGINFO);
	drop_core(core);
}

/* Siginfo and trap number that contradict each other are old stack contents. */
static void test_stale_frame(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;
	struct frame frame;

	(void)state;
	add_frame(core, 0, &frame, SIGSEGV, 1, 0x10, 14, 6, 0x7777);
	f = RUN(core, make_signal(SIGABRT, -6, 0), NOP, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_SENT);
	add_frame(core, 0, &frame, SIGSEGV, 1, 0x10, 6, 0, 0x10);
	f = RUN(core, make_signal(SIGABRT, -6, 0), NOP, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_SENT);
	drop_core(core);
}

/* Without SA_SIGINFO the kernel writes no siginfo: a page fault is known by cr2, if the instruction really touches it.
 */
static void test_frame_without_siginfo(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;
	struct frame frame;

	(void)state;
	set(core, "rax", 0x10);
	add_frame(core, 0, &frame, 0, 0, 0, 14, 6, 0x10);
	f = RUN(core, make_signal(SIGSEGV, -6, 0), MOV_RAX, HEALTHY);
	assert_int_equal(f->source, CW_FAULT_SIGNAL_FRAME);
	assert_int_equal(f->cause, CW_CAUSE_PAGE_FAULT);
	assert_int_equal(f->address, 0x10);
	assert_false(f->signal.has_code);
	drop_core(core);
	/* Not that address, and one that the instruction could write to. */
	core = make_core();
	set(core, "rax", DATA);
	add_frame(core, 0, &frame, 0, 0, 0, 14, 6, 0x18);
	f = RUN(core, make_signal(SIGSEGV, -6, 0), MOV_RAX, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_SENT);
	drop_core(core);
}

static void test_trap_instruction(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;

	(void)state;
	fake_add_memory(CODE, "\xcc\x90", 2);
	set(core, "rip", CODE + 1);
	f = run(core, make_signal(SIGTRAP, 128, 0), NULL, 0, HEALTHY);
	assert_int_equal(f->cause, CW_CAUSE_OTHER_EXCEPTION);
	assert_string_equal(f->instruction->text, "int3");
	assert_int_equal(f->instruction->address, CODE);
	assert_int_equal(f->pc, CODE + 1);
	drop_core(core);
}

/* No siginfo at all: nothing is invented. */
static void test_no_siginfo(void **state) {
	struct core *core = make_core();
	const struct cw_fault *f;
	struct cw_signal signal;

	(void)state;
	signal_from_number(SIGSEGV, &signal);
	f = RUN(core, signal, MOV_RAX, HEALTHY);
	assert_false(f->has_address);
	assert_int_equal(f->cause, CW_CAUSE_UNKNOWN);
	drop_core(core);
}

static void test_i386(void **state) {
	struct core *core = make_core_of(&arch_i386);
	const struct cw_fault *f;

	(void)state;
	f = RUN(core, make_signal(SIGSEGV, 1, 0), MOV_RAX, 0xffffd000);
	assert_int_equal(f->access, CW_ACCESS_WRITE);
	assert_string_equal(f->instruction->text, "mov dword ptr [eax], 1");
	assert_int_equal(f->region.kind, CW_REGION_NULL_PAGE);
	drop_core(core);
}

static void test_regions(void **state) {
	static const struct {
		uint64_t address;
		enum cw_region_kind kind;
	} cases[] = {
		{ 0, CW_REGION_NULL_PAGE },
		{ 0xffff, CW_REGION_NULL_PAGE },
		{ 0x10000, CW_REGION_UNMAPPED },
		{ CODE, CW_REGION_MODULE },
		{ DATA + 0xfff, CW_REGION_HEAP },
		{ DATA + 0x1000, CW_REGION_FILE },
		{ DATA + 0x2000, CW_REGION_UNMAPPED },
		{ GUARD - 1, CW_REGION_UNMAPPED },
		{ GUARD, CW_REGION_STACK_GUARD },
		{ LOW, CW_REGION_STACK },
		{ HIGH - 1, CW_REGION_STACK },
		{ HIGH, CW_REGION_UNMAPPED },
		{ MAIN_LOW - 8, CW_REGION_BELOW_STACK },
		{ MAIN_HIGH - 0x800000, CW_REGION_BELOW_STACK },
		{ MAIN_HIGH - 0x800000 - 0x2000000, CW_REGION_UNMAPPED },
		{ MAIN_LOW, CW_REGION_STACK },
		{ MAIN_HIGH, CW_REGION_UNMAPPED },
		{ 0x7fffffffffff, CW_REGION_UNMAPPED },
		{ 0x800000000000, CW_REGION_NON_CANONICAL },
		{ 0x4141414141414141, CW_REGION_NON_CANONICAL },
		{ 0xffff800000000000, CW_REGION_KERNEL },
		{ UINT64_MAX, CW_REGION_KERNEL },
	};
	struct core *core = make_core();
	struct cw_region region;

	(void)state;
	threads[0].stack = fake_stack;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		fault_describe_address(core, cases[i].address, &region);
		if (region.kind != cases[i].kind)
			fail_msg("0x%llx is %s, not %s", (unsigned long long)cases[i].address,
			    fault_region_name(region.kind), fault_region_name(cases[i].kind));
		assert_int_equal(region.address, cases[i].address);
		assert_ptr_equal(region.mapping, core_find_mapping(core, cases[i].address));
		if (region.before)
			assert_true(region.before->end <= cases[i].address);
		if (region.after)
			assert_true(region.after->start > cases[i].address);
	}
	fault_describe_address(core, DATA + 0x2000, &region);
	assert_ptr_equal(region.before, &fake_mappings[2]);
	assert_ptr_equal(region.after, &fake_mappings[3]);
	fault_describe_address(core, MAIN_LOW - 8, &region);
	assert_ptr_equal(region.thread, &threads[1]);
	drop_core(core);
}

static void test_region_names(void **state) {
	(void)state;
	assert_string_equal(fault_region_name(CW_REGION_UNMAPPED), "unmapped");
	assert_string_equal(fault_region_name(CW_REGION_NULL_PAGE), "null-page");
	assert_string_equal(fault_region_name(CW_REGION_STACK_GUARD), "stack-guard");
	assert_string_equal(fault_region_name(CW_REGION_BELOW_STACK), "below-stack");
	assert_string_equal(fault_region_name(CW_REGION_VDSO), "vdso");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signal_frame),
		cmocka_unit_test(test_error_code_tells_access),
		cmocka_unit_test(test_signal_frame_protection),
		cmocka_unit_test(test_unrelated_frame),
		cmocka_unit_test(test_genuine_fault_wins),
		cmocka_unit_test(test_handler_crashed),
		cmocka_unit_test(test_other_sender),
		cmocka_unit_test(test_stale_frame),
		cmocka_unit_test(test_frame_without_siginfo),
		cmocka_unit_test(test_trap_instruction),
		cmocka_unit_test(test_no_siginfo),
		cmocka_unit_test(test_i386),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_region_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
