/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/fault: the reason of every kind of SIGSEGV and SIGBUS, the original fault behind a handler, and what an address
 * is; on a core made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>

#include "core/fault.h"
#include "core/insn.h"
#include "core/signal.h"
#include "fake-core.h"

#define CODE UINT64_C(0x401000)
#define DATA UINT64_C(0x500000)
#define GUARD UINT64_C(0x7f0000000000) /* one page */
#define LOW UINT64_C(0x7f0000001000) /* of a thread's stack */
#define HIGH UINT64_C(0x7f0000041000)
#define MAIN_LOW UINT64_C(0x7ffd00100000)
#define MAIN_HIGH UINT64_C(0x7ffd00200000)
#define FRAME_BYTES 3376
#define PID 100

static struct cw_thread threads[2];
static uint64_t registers[ARCH_MAX_REGISTERS];
static struct signal_context contexts[2];

static struct core *make_core_of(const struct arch *arch) {
	struct core *core = calloc(1, sizeof(*core));

	assert_non_null(core);
	fake_reset();
	memset(registers, 0, sizeof(registers));
	memset(contexts, 0, sizeof(contexts));
	memset(threads, 0, sizeof(threads));
	fake_add_mapping(CODE, CODE + 0x1000, CW_PERM_READ | CW_PERM_EXEC, CW_REGION_MODULE, "/bin/prog");
	fake_add_mapping(DATA, DATA + 0x1000, CW_PERM_READ | CW_PERM_WRITE, CW_REGION_HEAP, "[heap]");
	fake_add_mapping(DATA + 0x1000, DATA + 0x2000, CW_PERM_READ, CW_REGION_FILE, "/etc/data");
	fake_add_mapping(GUARD, LOW, 0, CW_REGION_ANONYMOUS, NULL);
	fake_add_mapping(LOW, HIGH, CW_PERM_READ | CW_PERM_WRITE, CW_REGION_ANONYMOUS, NULL);
	fake_add_mapping(MAIN_LOW, MAIN_HIGH, CW_PERM_READ | CW_PERM_WRITE, CW_REGION_STACK, "[stack]");
	core->arch = arch;
	core->at_minsigstksz = FRAME_BYTES;
	core->threads = threads;
	core->mappings = fake_mappings;
	core->signal_contexts = contexts;
	threads[0] = (struct cw_thread){
		.id = PID + 1, .crashed = true, .registers = registers, .n_registers = arch->n_registers
	};
	threads[1] = (struct cw_thread){ .id = PID, .is_main = true, .registers = registers };
	threads[1].stack = (struct cw_stack){ .kind = CW_STACK_MAIN,
		.has_bounds = true,
		.low = MAIN_LOW,
		.high = MAIN_HIGH,
		.has_limit = true,
		.limit_bytes = MIB(8),
		.sp = MAIN_HIGH - 0x1000 };
	fake_stack = (struct cw_stack){ .kind = CW_STACK_PTHREAD,
		.has_bounds = true,
		.low = LOW,
		.high = HIGH,
		.has_guard = true,
		.guard_bytes = 0x1000,
		.has_limit = true,
		.limit_bytes = HIGH - LOW };
	core->pub = (struct cw_core){ .arch = arch->id,
		.word_bytes = arch->word_bytes,
		.page_bytes = 4096,
		.pid = PID,
		.threads = threads,
		.n_threads = 2,
		.crashed = threads,
		.mappings = fake_mappings,
		.n_mappings = fake_n_mappings };
	assert_int_equal(arena_new(MIB(16), &core->arena), 0);
	assert_int_equal(insn_decoder_new(core, &core->decoder), 0);
	return core;
}

static struct core *make_core(void) {
	return make_core_of(&arch_x86_64);
}

static void drop_core(struct core *core) {
	insn_decoder_free(core->decoder);
	arena_free(core->arena);
	free(core);
}

static void set(const struct core *core, const char *name, uint64_t value) {
	registers[fake_register(core->arch, name)] = value;
}

static struct cw_signal make_signal(int number, int code, uint64_t address) {
	struct cw_signal s;

	signal_from_number(number, &s);
	s.has_code = true;
	s.code = code;
	s.code_name = signal_code_name(number, code);
	s.has_address = code > 0 && code < 128;
	s.address = s.has_address ? address : 0;
	s.has_sender = code <= 0;
	s.sender_pid = PID;
	return s;
}

/* Runs the reconstruction with an instruction at CODE; length 0: none. */
static const struct cw_fault *run(
    struct core *core, struct cw_signal delivered, const char *code, size_t length, uint64_t sp) {
	if (length > 0)
		fake_add_memory(CODE, code, length);
	if (registers[core->arch->pc] == 0)
		registers[core->arch->pc] = CODE;
	registers[core->arch->sp] = sp;
	threads[0].pc = registers[core->arch->pc];
	threads[0].sp = sp;
	core->pub.signal = delivered;
	assert_int_equal(fault_reconstruct(core), 0);
	assert_non_null(core->pub.fault);
	return core->pub.fault;
}
#define RUN(core, delivered, code, sp) run(core, delivered, code, sizeof(code) - 1, sp)
#define HEALTHY (HIGH - 0x2000)

#define MOV_RAX "\xc7\x00\x01\x00\x00\x00" /* mov dword ptr [rax], 1 */
#define LOAD_RAX "\x8b\x00" /* mov eax, dword ptr [rax] */
#define CALL "\xe8\xfb\x0f\x00\x00"
#define MOVAPS_RAX "\x0f\x29\x00"
#define NOP "\x90"

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

/* A fault of the CPU's at the current PC ended the process, whatever frames lie below. */
static void test_genuine_fault_wins(void **state) {
	static const int codes[] = { 1, 2, 128 };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
		struct core *core = make_core();
		const struct cw_fault *f;
		struct frame frame;

		add_frame(core, 0, &frame, SIGSEGV, 1, 0x10, 14, 6, 0x10);
		f = RUN(core, make_signal(SIGSEGV, codes[i], 0x20), NOP, HEALTHY);
		assert_int_not_equal(f->source, CW_FAULT_SIGNAL_FRAME);
		assert_int_equal(f->frame_index, 0);
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
	frame.ucontext[216 / 8] = 0x18;
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
		cmocka_unit_test(test_signal_frame),
		cmocka_unit_test(test_error_code_tells_access),
		cmocka_unit_test(test_signal_frame_protection),
		cmocka_unit_test(test_unrelated_frame),
		cmocka_unit_test(test_genuine_fault_wins),
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
