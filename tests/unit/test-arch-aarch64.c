/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * aarch64 cores made by hand: return addresses in registers and with authentication codes, frame pointers, signal frames, struct pthread
 * below the TLS base, and faults as this CPU tells them.
 *
 * Encodings are GNU as's; the layouts of notes and signal frames stand here once more (Linux arch/arm64/include/uapi/asm).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>

#include "core-writer.h"
#include "core/fault.h"
#include "core/stack.h"

#define CODE UINT64_C(0xaaaa00000000)
#define CODE_BYTES 0x2000u
#define DATA UINT64_C(0xaaaa00010000)
#define TRAMPOLINE (CODE + 0x1800)
#define MAIN UINT64_C(0xffffd0000000)
#define MAIN_BYTES 0x21000u
#define BLOCK UINT64_C(0xffff80000000) /* a thread's stack with its guard: 64 KiB of that at least */
#define BLOCK_BYTES 0x90000u
#define GUARD_BYTES 0x10000u
#define TLS (BLOCK + BLOCK_BYTES - 0x100)
#define PTHREAD (TLS - 0x700)
/* Bits 54…48 hold the code; this is one. */
#define PAC_MASK UINT64_C(0x007f000000000000)
#define SIGN(address) ((address) | UINT64_C(0x002a000000000000))

enum {
	BL = 0x94000001,           /* bl .+4 */
	RET = 0xd65f03c0,
	NOP = 0xd503201f,
	LDR_X0 = 0xf9400000,       /* ldr x0, [x0] */
	STR_X1 = 0xf9000001,       /* str x1, [x0] */
	STP_FRAME = 0xa9be7bfd,    /* stp x29, x30, [sp, #-0x20]! */
	MOV_FRAME = 0x910003fd,    /* mov x29, sp */
	LDXR = 0xc85f7c20,         /* ldxr x0, [x1] */
};

static void code(struct writer *w, uint64_t at, uint32_t insn) {
	writer_bytes(w, at, &insn, sizeof(insn));
}

/* Three functions that call: RETURN(n) is behind the call of the n-th. A leaf at CODE + 0x400. */
#define RETURN(n) (CODE + 0x100 * (uint64_t)(n) + 0x10)
#define LEAF (CODE + 0x400)

static struct writer *begin(void) {
	struct writer *w = writer_new(EM_AARCH64);

	writer_map(w, CODE, CODE_BYTES, "rx", CODE_BYTES);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t at = CODE + 0x100 * i;

		code(w, at, STP_FRAME);
		code(w, at + 4, MOV_FRAME);
		code(w, at + 8, NOP);
		code(w, at + 12, BL);
		for (unsigned k = 16; k < 0x100; k += 4)
			code(w, at + k, k == 20 ? RET : NOP);
	}
	code(w, LEAF, LDR_X0);
	code(w, LEAF + 4, RET);
	code(w, LEAF + 8, STR_X1);
	code(w, TRAMPOLINE, 0xd2801168); /* mov x8, #139 */
	code(w, TRAMPOLINE + 4, 0xd4000001); /* svc #0 */
	writer_map(w, DATA, 0x1000, "rw", 0x1000);
	writer_map(w, BLOCK, GUARD_BYTES, "", 0);
	writer_map(w, BLOCK + GUARD_BYTES, BLOCK_BYTES - GUARD_BYTES, "rw", BLOCK_BYTES - GUARD_BYTES);
	writer_map(w, MAIN, MAIN_BYTES, "rw", MAIN_BYTES);
	writer_auxv(w, AT_RANDOM, MAIN + MAIN_BYTES - 0x200);
	return w;
}

/* Frame records from `at` up, 32 bytes apart, with these return addresses. */
static void records(struct writer *w, uint64_t at, size_t n, const uint64_t *returns) {
	for (size_t i = 0; i < n; i++)
		writer_put(w, at + 32 * i, i + 1 < n ? at + 32 * (i + 1) : 0, returns[i]);
}
#define RECORDS(w, at, ...) records((w), (at), ELEMENTSOF(((uint64_t[]){ __VA_ARGS__ })), (uint64_t[]){ __VA_ARGS__ })

static void pac_mask(struct writer *w) {
	const uint64_t masks[2] = { PAC_MASK, PAC_MASK };

	writer_thread_note(w, 0x406, masks, sizeof(masks));
}

static void check_frames(const struct core *core, size_t n, const uint64_t *pcs) {
	const struct cw_thread *t = &core->threads[0];

	assert_true(t->n_frames >= n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(t->frames[i].pc, pcs[i]);
}
#define CHECK_FRAMES(core, ...) check_frames((core), ELEMENTSOF(((uint64_t[]){ __VA_ARGS__ })), (uint64_t[]){ __VA_ARGS__ })

static struct core *load(struct writer *w) {
	return writer_load(w, UNPACK_PLAIN, NULL);
}

#define SP (MAIN + 0x20000)

/* A leaf without a frame: its caller is in x30, and the frame is empty. */
static void test_leaf(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin();
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	writer_thread(w, 100, "pc", LEAF, "sp", SP, "x29", SP, "x30", RETURN(0), NULL);
	writer_signal(w, SIGSEGV, 1, 0);
	RECORDS(w, SP, RETURN(1), RETURN(2));
	core = load(w);
	CHECK_FRAMES(core, LEAF, RETURN(0), RETURN(1), RETURN(2));
	assert_int_equal(core->threads[0].frames[0].bytes, 0);
	assert_int_equal(core->threads[0].frames[1].trust, CW_TRUST_FRAME_POINTER);
	assert_int_equal(core->threads[0].frames[1].bytes, 32);
	assert_int_equal(core->pub.arch, CW_ARCH_AARCH64);
}

/* A function that has its frame: x30 is what its last callee left there, and counts for nothing. */
static void test_stale_link_register(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin();
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	writer_thread(w, 100, "pc", CODE + 0x10, "sp", SP, "x29", SP, "x30", RETURN(3), NULL);
	writer_signal(w, SIGSEGV, 1, 0);
	RECORDS(w, SP, RETURN(1), RETURN(2));
	core = load(w);
	CHECK_FRAMES(core, CODE + 0x10, RETURN(1), RETURN(2));
}

static void call_nowhere(uint64_t pc, uint64_t link, bool with_mask) {
	_cleanup_(writer_freep) struct writer *w = begin();
	_cleanup_(core_freep) struct core *core = NULL;

	writer_thread(w, 100, "pc", pc, "sp", SP, "x29", SP, "x30", link, NULL);
	if (with_mask)
		pac_mask(w);
	writer_signal(w, SIGSEGV, 1, pc);
	RECORDS(w, SP, SIGN(RETURN(1)), SIGN(RETURN(2)));
	core = load(w);
	CHECK_FRAMES(core, pc, RETURN(0), RETURN(1), RETURN(2));
	assert_int_equal(core->threads[0].frames[1].trust, CW_TRUST_CFI);
	assert_int_equal(core->pub.fault->access, CW_ACCESS_EXEC);
	assert_int_equal(core->pub.fault->cause, CW_CAUSE_PAGE_FAULT);
}

/* A call to where nothing is: the caller is in x30; signed return addresses lose their code, with and without the kernel's mask. */
static void test_call_nowhere(void **state) {
	(void)state;
	call_nowhere(0, RETURN(0), true);
	call_nowhere(0x12345678, SIGN(RETURN(0)), true);
	call_nowhere(DATA, SIGN(RETURN(0)), false);
}

/* A word that is no code without its upper bits either stays as it is; the walk ends. */
static void test_not_a_pointer(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin();
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	writer_thread(w, 100, "pc", CODE + 0x10, "sp", SP, "x29", SP, NULL);
	pac_mask(w);
	writer_signal(w, SIGSEGV, 1, 0);
	RECORDS(w, SP, SIGN(DATA), RETURN(1));
	core = load(w);
	assert_int_equal(core->threads[0].frame_count, 1);
	assert_false(core->threads[0].complete);
}

/* struct rt_sigframe: siginfo, then ucontext (stack_t at 16, sigcontext at 176), its records from 464 on; behind it x29 and x30. */
#define FRAME_BYTES 4688
static void signal_frame(struct writer *w, uint64_t at, int number, int si_code, uint64_t address, uint32_t esr) {
	uint64_t uc = at + 128, sc = uc + 176;
	int32_t info[4] = { number, 0, si_code, 0 };
	const uint32_t fpsimd[2] = { 0x46508001, 528 }, syndrome[2] = { 0x45535201, 16 };

	writer_bytes(w, at, info, sizeof(info));
	writer_put(w, at + 16, address);
	writer_put(w, sc, address);
	writer_put(w, sc + 8 + 8 * 29, SP, RETURN(0), SP, LEAF, 0x1000); /* x29, x30, sp, pc, pstate */
	writer_bytes(w, uc + 464, fpsimd, sizeof(fpsimd));
	writer_bytes(w, uc + 464 + 528, syndrome, sizeof(syndrome));
	writer_put(w, uc + 464 + 528 + 8, esr);
	writer_put(w, at + FRAME_BYTES, SP, RETURN(0));
}

#define FRAME (MAIN + 0x10000)
#define HANDLER_SP (FRAME - 0x20)

static struct core *aborted_in_handler(struct writer *w, uint32_t esr) {
	writer_thread(w, 100, "pc", CODE + 0x310, "sp", HANDLER_SP, "x29", HANDLER_SP, "x0", UINT64_C(7), NULL);
	writer_signal_sent(w, SIGABRT, -6, 100, 1000);
	writer_put(w, HANDLER_SP, FRAME + FRAME_BYTES, TRAMPOLINE);
	signal_frame(w, FRAME, SIGSEGV, 1, 0, esr);
	RECORDS(w, SP, RETURN(1), RETURN(2));
	return load(w);
}

/* A handler that aborted: through the kernel's frame to the fault, whose syndrome tells the access. */
static void test_signal_frame(void **state) {
	static const struct {
		uint32_t esr;
		enum cw_access access;
		int trap, error;
	} cases[] = {
		{ 0x92000006, CW_ACCESS_READ, 0x24, 6 },
		{ 0x92000046, CW_ACCESS_WRITE, 0x24, 0x46 },
		{ 0x82000006, CW_ACCESS_EXEC, 0x20, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_(writer_freep) struct writer *w = begin();
		_cleanup_(core_freep) struct core *core = aborted_in_handler(w, cases[i].esr);
		const struct cw_fault *f = core->pub.fault;

		CHECK_FRAMES(core, CODE + 0x310, TRAMPOLINE, LEAF, RETURN(0), RETURN(1), RETURN(2));
		assert_true(core->threads[0].frames[1].signal_frame);
		assert_int_equal(f->source, CW_FAULT_SIGNAL_FRAME);
		assert_int_equal(f->signal.number, SIGSEGV);
		assert_int_equal(f->pc, LEAF);
		assert_int_equal(f->frame_index, 2);
		assert_int_equal(f->access, cases[i].access);
		assert_int_equal(f->trap_number, cases[i].trap);
		assert_int_equal(f->error_code, cases[i].error);
	}
}

/* A syndrome that does not lead to this signal: the frame is not believed. */
static void test_signal_frame_disagrees(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin();
	_cleanup_(core_freep) struct core *core = aborted_in_handler(w, 0xf2000000); /* brk */

	(void)state;
	assert_int_equal(core->pub.fault->source, CW_FAULT_SIGINFO);
	assert_int_equal(core->pub.fault->signal.number, SIGABRT);
}

/* Records behind the registers whose sizes are nonsense end the search. */
static void test_hostile_records(void **state) {
	static const uint32_t records_[][2] = { { 1, 0 }, { 1, 4 }, { 1, UINT32_MAX }, { 1, 0x80000000 }, { 0, 16 }, { 0x45535201, 7 } };
	uint8_t ucontext[512];
	struct arch_trap trap;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(records_); i++) {
		memset(ucontext, 0, sizeof(ucontext));
		memcpy(ucontext + 464, records_[i], sizeof(records_[i]));
		assert_false(arch_aarch64.read_trap(ucontext, sizeof(ucontext), &trap));
	}
	memcpy(ucontext + 464, (const uint32_t[]){ 0x45535201, 16, 0x92000046, 0 }, 16);
	for (size_t length = 0; length < 480; length++)
		assert_false(arch_aarch64.read_trap(ucontext, length, &trap));
	assert_true(arch_aarch64.read_trap(ucontext, 480, &trap));
	assert_int_equal(trap.number, 0x24);
}

static void thread_with_stack(struct writer *w, uint64_t pc, uint64_t sp) {
	const uint64_t tls = TLS;

	writer_thread(w, 101, "pc", pc, "sp", sp, "x29", sp, "x30", RETURN(0), NULL);
	writer_thread_note(w, 0x401, &tls, sizeof(tls));
	writer_process(w, 100, 1000, "test", "test");
}

/* struct pthread ends at the TLS base. glibc keeps 64 KiB of guard here, though the attribute says 4. */
static void test_pthread_below_tls(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin();
	_cleanup_(core_freep) struct core *core = NULL;
	const struct cw_stack *s;

	(void)state;
	thread_with_stack(w, LEAF, BLOCK + GUARD_BYTES + 0x100);
	writer_signal(w, SIGSEGV, 2, BLOCK + GUARD_BYTES - 8);
	writer_put(w, PTHREAD + 0x418, BLOCK, BLOCK_BYTES, GUARD_BYTES, 0x1000);
	/* Above it lies the program's thread_local data, below it the stack's own old contents: the nearest below counts. */
	writer_put(w, TLS + 0x20, BLOCK, BLOCK_BYTES + 0x1000, 0);
	writer_put(w, PTHREAD - 0x100, BLOCK, BLOCK_BYTES, 0x2000);
	core = load(w);
	s = &core->threads[0].stack;
	assert_int_equal(s->kind, CW_STACK_PTHREAD);
	assert_int_equal(s->low, BLOCK + GUARD_BYTES);
	assert_int_equal(s->high, BLOCK + BLOCK_BYTES);
	assert_int_equal(s->guard_bytes, GUARD_BYTES);
	assert_int_equal(core->pub.fault->region.kind, CW_REGION_STACK_GUARD);
}

/* SI_KERNEL never means a general protection fault: here the signal frame of a handler did not fit. */
static void test_undeliverable(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin();
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	thread_with_stack(w, CODE, BLOCK + GUARD_BYTES + 0x10);
	writer_signal(w, SIGSEGV, 128, 0);
	writer_put(w, PTHREAD + 0x418, BLOCK, BLOCK_BYTES, GUARD_BYTES, 0x1000);
	core = load(w);
	assert_int_equal(core->pub.fault->cause, CW_CAUSE_SIGNAL_UNDELIVERABLE);
	assert_true(core->pub.fault->has_address);
	assert_int_equal(core->pub.fault->address, BLOCK + GUARD_BYTES - 0x10);
	assert_int_equal(core->pub.fault->access, CW_ACCESS_WRITE);
}

static void test_no_general_protection(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin();
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	writer_thread(w, 100, "pc", LEAF, "sp", SP, "x0", UINT64_C(0x12f7000000000000), NULL);
	writer_signal(w, SIGSEGV, 128, 0);
	core = load(w);
	assert_int_equal(core->pub.fault->cause, CW_CAUSE_PAGE_FAULT);
}

/* The tag in the top byte is no part of the address. */
static void test_tag(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin();
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	writer_thread(w, 100, "pc", LEAF + 8, "sp", SP, "x0", UINT64_C(0xab00000000001230), NULL);
	writer_signal(w, SIGSEGV, 1, UINT64_C(0xab00000000001230));
	core = load(w);
	assert_int_equal(core->pub.fault->address, 0x1230);
	assert_int_equal(core->pub.fault->access, CW_ACCESS_WRITE);
	assert_int_equal(core->pub.fault->region.kind, CW_REGION_NULL_PAGE);

	assert_int_equal(arch_untag(&arch_aarch64, UINT64_C(0xff7fffffffffffff)), UINT64_C(0x007fffffffffffff));
	/* The kernel's half keeps its upper bits. */
	assert_int_equal(arch_untag(&arch_aarch64, UINT64_C(0xffff800000000000)), UINT64_C(0xffff800000000000));
	assert_int_equal(arch_untag(&arch_x86_64, UINT64_C(0xab00000000001230)), UINT64_C(0xab00000000001230));
}

static void test_misaligned(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin();
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	code(w, LEAF, LDXR);
	writer_thread(w, 100, "pc", LEAF, "sp", SP, "x1", DATA + 1, NULL);
	writer_signal(w, SIGBUS, 1, DATA + 1);
	core = load(w);
	assert_int_equal(core->pub.fault->cause, CW_CAUSE_MISALIGNED);
	assert_true(core->pub.fault->has_address);
	assert_int_equal(core->pub.fault->access, CW_ACCESS_READ);
}

/* A jump to an odd address is told as a misaligned access too. */
static void test_misaligned_pc(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin();
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	writer_thread(w, 100, "pc", LEAF + 1, "sp", SP, "x30", RETURN(0), NULL);
	writer_signal(w, SIGBUS, 1, LEAF + 1);
	core = load(w);
	assert_int_equal(core->pub.fault->cause, CW_CAUSE_MISALIGNED);
	assert_int_equal(core->pub.fault->access, CW_ACCESS_EXEC);
}

/* Pages of 64 KiB. */
static void test_page_bytes(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin();
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	writer_thread(w, 100, "pc", LEAF, "sp", SP, NULL);
	writer_auxv(w, AT_PAGESZ, 65536);
	core = load(w);
	assert_int_equal(core->pub.page_bytes, 65536);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaf),
		cmocka_unit_test(test_stale_link_register),
		cmocka_unit_test(test_call_nowhere),
		cmocka_unit_test(test_not_a_pointer),
		cmocka_unit_test(test_signal_frame),
		cmocka_unit_test(test_signal_frame_disagrees),
		cmocka_unit_test(test_hostile_records),
		cmocka_unit_test(test_pthread_below_tls),
		cmocka_unit_test(test_undeliverable),
		cmocka_unit_test(test_no_general_protection),
		cmocka_unit_test(test_tag),
		cmocka_unit_test(test_misaligned),
		cmocka_unit_test(test_misaligned_pc),
		cmocka_unit_test(test_page_bytes),
	};

	return cmocka_run_group_tests_name("aarch64", tests, NULL, NULL);
}
