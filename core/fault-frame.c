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

/* Which exceptions lead to which signal. Linux arch/x86/kernel/traps.c. */
static const struct {
	int trap, signal;
} trap_signals[] = {
	{ TRAP_DIVIDE, FAULT_SIGFPE }, { TRAP_X87, FAULT_SIGFPE }, { TRAP_SIMD, FAULT_SIGFPE },
	{ TRAP_DEBUG, FAULT_SIGTRAP }, { TRAP_BREAKPOINT, FAULT_SIGTRAP }, { TRAP_OPCODE, FAULT_SIGILL },
	{ TRAP_OVERFLOW, FAULT_SIGSEGV }, { TRAP_BOUNDS, FAULT_SIGSEGV }, { TRAP_TSS, FAULT_SIGSEGV },
	{ TRAP_SEGMENT, FAULT_SIGBUS }, { TRAP_STACK, FAULT_SIGBUS }, { TRAP_PROTECTION, FAULT_SIGSEGV },
	{ TRAP_PAGE, FAULT_SIGSEGV }, { TRAP_PAGE, FAULT_SIGBUS }, { TRAP_ALIGNMENT, FAULT_SIGBUS },
};

struct trap {
	bool known;
	uint64_t number, error, cr2;
};

static void read_trap(struct core *core, const struct signal_context *context, struct trap *ret_trap) {
	const struct arch *arch = core->arch;
	struct trap trap = { 0 };

	trap.known =
	    context->ucontext != 0 && arch->ucontext_trapno_offset >= 0 && arch->ucontext_error_offset >= 0 &&
	    arch->ucontext_cr2_offset >= 0 &&
	    core_read_word(core, context->ucontext + (uint64_t)arch->ucontext_trapno_offset, &trap.number) == 0 &&
	    core_read_word(core, context->ucontext + (uint64_t)arch->ucontext_error_offset, &trap.error) == 0 &&
	    core_read_word(core, context->ucontext + (uint64_t)arch->ucontext_cr2_offset, &trap.cr2) == 0;
	*ret_trap = trap;
}

static bool agrees(const struct cw_signal *signal, const struct trap *trap) {
	if (!trap->known)
		return true;
	if (trap->number == TRAP_PAGE && (!signal->has_address || signal->address != trap->cr2))
		return false;
	for (size_t i = 0; i < ELEMENTSOF(trap_signals); i++)
		if ((uint64_t)trap_signals[i].trap == trap->number && trap_signals[i].signal == signal->number)
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

/* A page fault by trap number and cr2 alone: number and code of the signal remain a guess, so no code is claimed. */
static bool from_cr2(
    struct core *core, const struct signal_context *context, const struct trap *trap, struct cw_signal *ret_signal) {
	uint64_t pc = context->registers[core->arch->pc];
	const struct cw_instruction *instruction;

	if (!trap->known || trap->number != TRAP_PAGE)
		return false;
	instruction = insn_decode(core, pc, context->registers);
	if (pc != trap->cr2 && !fault_find_operand(instruction, trap->cr2))
		return false;
	signal_from_number(FAULT_SIGSEGV, ret_signal);
	ret_signal->has_address = true;
	ret_signal->address = trap->cr2;
	return true;
}

bool fault_from_signal_frame(struct core *core, struct cw_fault *fault) {
	const struct signal_context *context;
	struct cw_signal signal;
	struct trap trap;
	bool found;

	for (size_t i = 0; i < core->n_signal_contexts; i++) {
		context = &core->signal_contexts[i];
		read_trap(core, context, &trap);
		if (read_siginfo(core, context, &signal))
			found = fault_is_synchronous(&signal) && agrees(&signal, &trap);
		else
			found = from_cr2(core, context, &trap, &signal);
		if (!found)
			continue;
		fault->source = CW_FAULT_SIGNAL_FRAME;
		fault->signal = signal;
		fault->registers = context->registers;
		fault->pc = context->registers[core->arch->pc];
		fault->sp = context->registers[core->arch->sp];
		fault->frame_index = context->frame_index + 1;
		if (trap.known && trap.number <= 255 && trap.error <= INT32_MAX) {
			fault->trap_number = (int)trap.number;
			fault->error_code = (int)trap.error;
		}
		return true;
	}
	return false;
}
