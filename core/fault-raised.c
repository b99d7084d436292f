/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fault behind a handler that raised the signal again and returned. SIGSEGV is blocked while its handler runs, so
 * the raised signal arrives when the handler has returned: at the very instruction that faulted, with its registers,
 * but as a signal that the program sent to itself. No signal frame is left by then (Python's faulthandler, many crash
 * reporters). What is left is the instruction: if it cannot but raise this very signal, that was the original fault.
 *
 * Nothing is claimed where the program is in a system call (it is just raising the signal), or where the instruction
 * could have gone on.
 */
#include <inttypes.h>

#include "core/fault-private.h"
#include "core/insn.h"

/* raise() and kill() end in a system call; the PC is behind it. */
static bool in_system_call(struct core *core, uint64_t pc) {
	const struct arch *arch = core->arch;
	char code[8];

	return arch->syscall.length > 0 && arch->syscall.length <= sizeof(code) && pc >= arch->syscall.length &&
	       core_read(core, pc - arch->syscall.length, code, arch->syscall.length) >= 0 &&
	       memcmp(code, arch->syscall.data, arch->syscall.length) == 0;
}

/* The kernel's own pages at the end of the address space (vsyscall) and in the vdso are no part of this. */
static bool is_code(const struct core *core, uint64_t address) {
	const struct cw_mapping *mapping = core_find_mapping(core, address);

	return mapping && (mapping->perm & CW_PERM_EXEC) && mapping->kind != CW_REGION_VDSO;
}

static bool set_memory(struct core *core, struct cw_fault *fault, uint64_t address, enum cw_access access) {
	fault->has_address = true;
	fault->address = address;
	fault->access = access;
	fault->cause = core->arch->is_canonical(address) ? CW_CAUSE_PAGE_FAULT : CW_CAUSE_NON_CANONICAL;
	fault_describe_address(core, address, &fault->region);
	return true;
}

static bool find_memory(struct core *core, struct cw_fault *fault, const struct cw_instruction *instruction) {
	const struct cw_operand *operand;

	if (!is_code(core, fault->pc) && !core_find_mapping(core, fault->pc))
		return set_memory(core, fault, fault->pc, CW_ACCESS_EXEC);
	if (!instruction)
		return false;
	operand = fault_inaccessible_operand(core, fault, instruction);
	if (operand)
		return set_memory(core, fault, operand->address, operand->access);
	if (instruction->class_ != CW_INSN_PRIVILEGED)
		return false;
	fault->cause = CW_CAUSE_PRIVILEGED;
	return true;
}

/* A divisor of zero in a register or in memory. */
static bool divides_by_zero(struct core *core, const struct cw_fault *fault, const struct cw_instruction *instruction) {
	const struct cw_operand *divisor = &instruction->operands[0];
	uint64_t value = 0;

	if (instruction->class_ != CW_INSN_DIVIDE || instruction->n_operands == 0 || divisor->size == 0 ||
	    divisor->size > sizeof(value))
		return false;
	if (divisor->is_memory)
		return divisor->has_address && core_read(core, divisor->address, &value, divisor->size) >= 0 && value == 0;
	return insn_register_value(core, fault->registers, divisor->text, &value) && value == 0;
}

static bool find_exception(struct core *core, struct cw_fault *fault, const struct cw_instruction *instruction) {
	bool found = instruction && ((fault->signal.number == FAULT_SIGFPE && divides_by_zero(core, fault, instruction)) ||
	                             (fault->signal.number == FAULT_SIGILL && instruction->class_ == CW_INSN_UNDEFINED));

	if (found)
		fault->cause = CW_CAUSE_OTHER_EXCEPTION;
	return found;
}

bool fault_from_raised(struct core *core, struct cw_fault *fault) {
	const struct cw_instruction *instruction;
	struct cw_fault found = *fault;
	bool memory = fault->signal.number == FAULT_SIGSEGV || fault->signal.number == FAULT_SIGBUS;

	if (in_system_call(core, fault->pc))
		return false;
	instruction = is_code(core, fault->pc) ? insn_decode(core, fault->pc, fault->registers) : NULL;
	if (memory ? !find_memory(core, &found, instruction) : !find_exception(core, &found, instruction))
		return false;
	found.source = CW_FAULT_RECONSTRUCTED;
	found.signal = (struct cw_signal){ .number = fault->signal.number, .name = fault->signal.name,
		                           .description = "raised again by the program's own handler" };
	found.instruction = instruction;
	found.cause_text = found.has_address
	    ? arena_printf(core->arena,
	          "the program sent itself %s, but the instruction that it is at cannot but fault: %s%s%s 0x%" PRIx64
	          "; so a handler of its own raised the signal again and returned",
	          found.signal.name, instruction ? "\"" : "nothing can be executed", instruction ? instruction->text : "",
	          instruction ? "\" touches" : " at", found.address)
	    : arena_printf(core->arena,
	          "the program sent itself %s, but the instruction that it is at, \"%s\", cannot but raise it; so a handler of its own raised the signal again and returned",
	          found.signal.name, instruction ? instruction->text : "?");
	*fault = found;
	return true;
}
