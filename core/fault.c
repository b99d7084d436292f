/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Puts the fault together: which signal it really was (NT_SIGINFO, or the signal frame behind a handler), what the
 * instruction did, and where. Every later judgement about a crash starts here; what is not known stays unknown.
 *
 * The reasons behind SI_KERNEL are in fault-cause.c, signal frames in fault-frame.c, addresses in fault-region.c.
 */
#include <inttypes.h>

#include "core/fault-private.h"
#include "core/insn.h"
#include "core/stack.h"

/* No instruction is longer than this on any CPU we know. */
#define INSTRUCTION_MAX 15

bool fault_is_synchronous(const struct cw_signal *signal) {
	switch (signal->number) {
	case FAULT_SIGILL:
	case FAULT_SIGTRAP:
	case FAULT_SIGBUS:
	case FAULT_SIGFPE:
	case FAULT_SIGSEGV:
		return !signal->has_code || signal->code > 0;
	default:
		return false;
	}
}

/* The program itself raised it, by a handler that raises again or a runtime that aborts: only then can an older fault
 * be the original one. */
static bool raised_by_itself(const struct core *core) {
	const struct cw_signal *signal = &core->pub.signal;

	return !signal->has_code || (signal->has_sender && signal->sender_pid == core->pub.pid);
}

static bool can_execute(const struct core *core, uint64_t address) {
	const struct cw_mapping *mapping = core_find_mapping(core, address);

	return mapping && (mapping->perm & CW_PERM_EXEC);
}

/* An instruction fetch: at the PC itself, or where the instruction runs into the next page. */
static bool is_fetch(const struct core *core, const struct cw_fault *fault) {
	if (can_execute(core, fault->address))
		return false;
	return fault->address == fault->pc ||
	       (fault->address > fault->pc && fault->address - fault->pc < INSTRUCTION_MAX && !fault->instruction);
}

static enum cw_access find_access(const struct core *core, const struct cw_fault *fault) {
	const struct cw_operand *operand;

	if (fault->trap_number >= 0 && fault->error_code >= 0 && core->arch->is_page_fault((uint64_t)fault->trap_number))
		return core->arch->page_fault_access((uint64_t)fault->trap_number, (uint64_t)fault->error_code);
	if (is_fetch(core, fault))
		return CW_ACCESS_EXEC;
	operand = fault_find_operand(fault->instruction, fault->address);
	return operand ? operand->access : CW_ACCESS_UNKNOWN;
}

static const char *access_text(enum cw_access access) {
	static const char *const texts[] = {
		[CW_ACCESS_UNKNOWN] = "an access to", [CW_ACCESS_READ] = "a read from",
		[CW_ACCESS_WRITE] = "a write to", [CW_ACCESS_EXEC] = "an instruction fetch from",
	};

	return texts[access];
}

static void find_page_fault(struct core *core, struct cw_fault *fault) {
	fault->cause = CW_CAUSE_PAGE_FAULT;
	if (!fault->has_address)
		return;
	fault->access = find_access(core, fault);
	fault->cause_text = arena_printf(core->arena, "the CPU raised a page fault for %s 0x%" PRIx64 "%s%s%s",
	    access_text(fault->access), fault->address,
	    fault->instruction && fault->access != CW_ACCESS_EXEC ? " by \"" : "",
	    fault->instruction && fault->access != CW_ACCESS_EXEC ? fault->instruction->text : "",
	    fault->instruction && fault->access != CW_ACCESS_EXEC ? "\"" : "");
}

/* Where the CPU tells the address: a misaligned operand of an instruction that minds, SP, or the pc itself after a jump to nowhere. */
static void find_misaligned_at(struct core *core, struct cw_fault *fault) {
	fault->cause = CW_CAUSE_MISALIGNED;
	fault->access = find_access(core, fault);
	if (fault->address == fault->pc)
		fault->access = CW_ACCESS_EXEC;
	fault->cause_text = arena_printf(core->arena, "the CPU raised an alignment fault for %s 0x%" PRIx64 "%s%s%s", access_text(fault->access),
	    fault->address, fault->instruction ? " by \"" : "", fault->instruction ? fault->instruction->text : "",
	    fault->instruction ? "\"" : "");
}

static void find_cause(struct core *core, struct cw_fault *fault) {
	const struct cw_signal *signal = &fault->signal;

	if (!fault_is_synchronous(signal)) {
		fault->cause = signal->has_syscall ? CW_CAUSE_OTHER_EXCEPTION
		               : signal->has_code  ? CW_CAUSE_SENT
		                                   : CW_CAUSE_UNKNOWN;
		return;
	}
	if (signal->number != FAULT_SIGSEGV && signal->number != FAULT_SIGBUS)
		fault->cause = CW_CAUSE_OTHER_EXCEPTION;
	else if (signal->has_code && signal->code == FAULT_SI_KERNEL)
		fault_find_kernel_cause(core, fault);
	else if (signal->number == FAULT_SIGBUS && signal->has_code && signal->code == FAULT_BUS_ADRALN &&
		 signal->address == 0) {
		/* The kernel does not know the address and says 0 (arch/x86/kernel/traps.c, exc_alignment_check()). */
		fault->has_address = false;
		fault_find_misaligned(core, fault);
	} else if (signal->number == FAULT_SIGBUS && signal->has_code && signal->code == FAULT_BUS_ADRALN && signal->has_address)
		find_misaligned_at(core, fault);
	else if (signal->number == FAULT_SIGSEGV && signal->has_code && signal->code > FAULT_SEGV_PKUERR)
		fault->cause = CW_CAUSE_OTHER_EXCEPTION;
	else if (signal->has_address)
		find_page_fault(core, fault);
}

/* The stack as it was at the fault; a handler on an alternate stack may have run since. */
static void find_stack(struct core *core, const struct cw_fault *fault) {
	struct stack_alt alt = { 0 };
	bool has_alt = false;
	uint64_t at;

	/* stack_t: ss_sp, ss_flags (padded), ss_size; a word each. */
	for (size_t i = 0; i < core->n_signal_contexts && !has_alt; i++) {
		at = core->signal_contexts[i].ucontext + core->arch->ucontext_stack_offset;
		has_alt = core->signal_contexts[i].ucontext != 0 && core_read_word(core, at, &alt.low) == 0 &&
		          core_read_word(core, at + 2 * core->arch->word_bytes, &alt.size) == 0 && alt.size > 0;
	}
	stack_find_bounds(core, &core->threads[0], fault->sp, has_alt ? &alt : NULL, &core->threads[0].stack);
}

/* A trap or a forbidden system call is reported at the instruction after it: then the one before the PC is meant. */
static const struct cw_instruction *decode(struct core *core, const struct cw_fault *fault) {
	const struct {
		int signal;
		enum cw_instruction_class class_;
		size_t length;
	} before[] = { { FAULT_SIGTRAP, CW_INSN_TRAP, core->arch->trap_lengths[0] },
		{ FAULT_SIGTRAP, CW_INSN_TRAP, core->arch->trap_lengths[1] },
		{ FAULT_SIGSYS, CW_INSN_SYSCALL, core->arch->syscall.length } };
	const struct cw_instruction *instruction;

	for (size_t i = 0; i < ELEMENTSOF(before); i++) {
		if (fault->signal.number != before[i].signal || before[i].length == 0 || fault->pc < before[i].length)
			continue;
		instruction = insn_decode(core, fault->pc - before[i].length, fault->registers);
		if (instruction && instruction->class_ == before[i].class_ && instruction->length == before[i].length)
			return instruction;
	}
	/* Bytes that cannot be executed are no instruction, whatever they would mean. */
	return can_execute(core, fault->pc) ? insn_decode(core, fault->pc, fault->registers) : NULL;
}

int fault_reconstruct(struct core *core) {
	const struct cw_thread *thread = &core->threads[0];
	struct cw_fault *fault = arena_alloc(core->arena, sizeof(*fault));
	bool raised;

	if (!fault)
		return -ENOMEM;
	*fault = (struct cw_fault){
		.source = CW_FAULT_SIGINFO,
		.signal = core->pub.signal,
		.pc = thread->pc,
		.sp = thread->sp,
		.registers = thread->registers,
		.trap_number = -1,
		.error_code = -1,
	};
	core->pub.fault = fault;
	/* A fault of the CPU's at the current PC is what ended the process, whatever handlers are still active below
	 * it; but where the handler of one fault ran into another, the first one is the story. */
	raised = !fault_is_synchronous(&fault->signal) && raised_by_itself(core) && !fault_from_signal_frame(core, fault);

	find_stack(core, fault);
	if (fault_is_synchronous(&fault->signal) && fault->source == CW_FAULT_SIGINFO && fault_behind_crashed_handler(core, fault))
		find_stack(core, fault);
	if (raised && fault->signal.has_code && fault_from_raised(core, fault))
		return 0;
	fault->has_address = fault->signal.has_address;
	fault->address = arch_untag(core->arch, fault->signal.address);
	fault->instruction = decode(core, fault);
	find_cause(core, fault);
	if (fault->has_address)
		fault_describe_address(core, fault->address, &fault->region);
	return 0;
}
