/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The original fault behind a handler. A runtime's handler that raises again or aborts replaces NT_SIGINFO by its own;
 * the kernel's signal frame, still on the stack below it, keeps siginfo, trap number, error code, cr2 and the
 * registers.
 *
 * A frame is believed only where its siginfo and its trap number agree: for a handler without SA_SIGINFO the kernel
 * does not write siginfo at all (arch/x86/kernel/signal_64.c), and what is read there is old stack contents. Of such a
 * handler a page fault is still known by trap number and cr2, if the interrupted instruction really touches that
 * address.
 */
#include "core/fault-private.h"
#include "core/insn.h"
#include "core/signal.h"

#define SIGINFO_BYTES 128 /* SI_MAX_SIZE */

/* ucontext is read in pieces: its end may be the end of what the core holds. */
#define PIECE_BYTES 8u

/* false: the frame says nothing about an exception. */
static bool read_trap(struct core *core, const struct signal_context *context, struct arch_trap *ret_trap) {
	const struct arch *arch = core->arch;
	struct arch_trap trap = { 0 };
	uint8_t data[ARCH_MAX_UCONTEXT];
	size_t n = sizeof(data);

	if (context->ucontext == 0)
		return false;
	if (!arch->read_trap) {
		if (core_read_word(core, context->ucontext + (uint64_t)arch->ucontext_trapno_offset, &trap.number) < 0 ||
		    core_read_word(core, context->ucontext + (uint64_t)arch->ucontext_error_offset, &trap.error) < 0 ||
		    core_read_word(core, context->ucontext + (uint64_t)arch->ucontext_cr2_offset, &trap.address) < 0)
			return false;
		*ret_trap = trap;
		return true;
	}
	if (core_read(core, context->ucontext, data, n) < 0)
		for (n = 0; n < sizeof(data) && core_read(core, context->ucontext + n, data + n, PIECE_BYTES) >= 0;)
			n += PIECE_BYTES;
	return arch->read_trap(data, n, ret_trap);
}

/* trap: NULL if it is not known. */
static bool agrees(const struct arch *arch, const struct cw_signal *signal, const struct arch_trap *trap) {
	if (!trap)
		return true;
	if (arch->is_page_fault(trap->number) &&
	    (!signal->has_address || arch_untag(arch, signal->address) != arch_untag(arch, trap->address)))
		return false;
	for (size_t i = 0; i < arch->n_trap_signals; i++)
		if (arch->trap_signals[i].number == trap->number && arch->trap_signals[i].signal == signal->number)
			return true;
	return false;
}

static bool read_siginfo(struct core *core, const struct signal_context *context, struct cw_signal *ret_signal) {
	uint8_t data[SIGINFO_BYTES];
	uint32_t error;

	if (context->siginfo == 0 || core_read(core, context->siginfo, data, sizeof(data)) < 0)
		return false;
	/* si_errno is always 0; a number or a code that does not exist is old stack contents. */
	memcpy(&error, data + 4, sizeof(error));
	signal_decode(core->arch, data, sizeof(data), ret_signal);
	return error == 0 && ret_signal->number >= 1 && ret_signal->number <= 64 && ret_signal->code_name;
}

/* A page fault by trap number and address alone: number and code of the signal remain a guess, so no code is claimed. */
static bool from_trap(struct core *core, const struct signal_context *context, const struct arch_trap *trap,
    struct cw_signal *ret_signal) {
	uint64_t pc = context->registers[core->arch->pc];
	const struct cw_instruction *instruction;

	if (!trap || !core->arch->is_page_fault(trap->number))
		return false;
	instruction = insn_decode(core, pc, context->registers);
	if (pc != trap->address && !fault_find_operand(instruction, arch_untag(core->arch, trap->address)))
		return false;
	signal_from_number(FAULT_SIGSEGV, ret_signal);
	ret_signal->has_address = true;
	ret_signal->address = trap->address;
	return true;
}

static bool from_context(struct core *core, const struct signal_context *context, struct cw_fault *fault) {
	struct cw_signal signal;
	struct arch_trap trap;
	bool known = read_trap(core, context, &trap), found;

	if (read_siginfo(core, context, &signal))
		found = fault_is_synchronous(&signal) && agrees(core->arch, &signal, known ? &trap : NULL);
	else
		found = from_trap(core, context, known ? &trap : NULL, &signal);
	if (!found)
		return false;
	fault->source = CW_FAULT_SIGNAL_FRAME;
	fault->signal = signal;
	fault->registers = context->registers;
	fault->pc = context->registers[core->arch->pc];
	fault->sp = context->registers[core->arch->sp];
	fault->frame_index = context->frame_index + 1;
	if (known && trap.number <= 255 && trap.error <= INT32_MAX) {
		fault->trap_number = (int)trap.number;
		fault->error_code = (int)trap.error;
	}
	return true;
}

bool fault_from_signal_frame(struct core *core, struct cw_fault *fault) {
	for (size_t i = 0; i < core->n_signal_contexts; i++)
		if (from_context(core, &core->signal_contexts[i], fault))
			return true;
	return false;
}

static bool is_near(uint64_t a, uint64_t b, uint64_t bytes) {
	return a < b ? b - a < bytes : a - b < bytes;
}

bool fault_behind_crashed_handler(struct core *core, struct cw_fault *fault) {
	const struct cw_stack *stack = &core->threads[0].stack;
	const struct cw_mapping *mapping;
	struct cw_fault first = *fault;
	uint64_t address = arch_untag(core->arch, fault->signal.address), page = core->pub.page_bytes;

	/* A handler that ran out of its own stack is a story of its own. */
	if (!fault->signal.has_address || core->n_signal_contexts == 0 || (stack->has_bounds && fault->sp < stack->low + page))
		return false;
	if (!from_context(core, &core->signal_contexts[0], &first))
		return false;
	/* Programs that protect pages of theirs on purpose have handlers for that (garbage collectors, virtual machines):
	 * there the first fault was none, and what crashed is the handler. Memory that is not there at all, or that the
	 * handler stumbled over itself (it read the stack that was exhausted), is another matter. */
	mapping = first.signal.has_address ? core_find_mapping(core, arch_untag(core->arch, first.signal.address)) : NULL;
	if (mapping && first.signal.number == FAULT_SIGSEGV && !is_near(address, first.sp, page) &&
	    !is_near(address, arch_untag(core->arch, first.signal.address), page))
		return false;
	*fault = first;
	return true;
}
