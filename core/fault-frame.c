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

bool fault_from_signal_frame(struct core *core, struct cw_fault *fault) {
	const struct signal_context *context;
	struct cw_signal signal;
	struct arch_trap trap;
	bool known, found;

	for (size_t i = 0; i < core->n_signal_contexts; i++) {
		context = &core->signal_contexts[i];
		known = read_trap(core, context, &trap);
		if (read_siginfo(core, context, &signal))
			found = fault_is_synchronous(&signal) && agrees(core->arch, &signal, known ? &trap : NULL);
		else
			found = from_trap(core, context, known ? &trap : NULL, &signal);
		if (!found)
			continue;
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
	return false;
}
