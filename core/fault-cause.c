/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGSEGV and SIGBUS with SI_KERNEL tell neither address nor reason. Either the CPU raised a general protection (or
 * stack segment) fault, or the kernel could not write the frame of a signal's handler and killed the process instead
 * (kernel/signal.c, signal_setup_done()). Registers are untouched in both cases, so the instruction at the PC,
 * evaluated with them, tells which.
 *
 * The order of the rules below matters: what the instruction alone proves comes first, what the stack pointer suggests
 * afterwards, and what is left has no reason that could be shown.
 */
#include <inttypes.h>

#include "core/fault-private.h"
#include "core/stack.h"

const struct cw_operand *fault_find_operand(const struct cw_instruction *instruction, uint64_t address) {
	const struct cw_operand *operand;

	for (size_t i = 0; instruction && i < instruction->n_operands; i++) {
		operand = &instruction->operands[i];
		if (operand->is_memory && operand->has_address && operand->access != CW_ACCESS_EXEC &&
		    address >= operand->address && address - operand->address < MAX(operand->size, 1u))
			return operand;
	}
	return NULL;
}

static void set_address(struct core *core, struct cw_fault *fault, uint64_t address, enum cw_access access) {
	fault->has_address = true;
	fault->address = address;
	fault->access = access;
	/* A signal frame keeps being the source of all else. */
	if (fault->source == CW_FAULT_SIGINFO)
		fault->source = CW_FAULT_RECONSTRUCTED;
	fault_describe_address(core, address, &fault->region);
}

static bool find_non_canonical(struct core *core, struct cw_fault *fault) {
	const struct cw_instruction *instruction = fault->instruction;
	const struct cw_operand *operand;

	if (!core->arch->is_canonical(fault->pc)) {
		fault->cause = CW_CAUSE_NON_CANONICAL;
		set_address(core, fault, fault->pc, CW_ACCESS_EXEC);
		fault->cause_text = arena_printf(core->arena,
		    "the program counter 0x%" PRIx64 " is no address of this CPU (not canonical)", fault->pc);
		return true;
	}
	for (size_t i = 0; instruction && i < instruction->n_operands; i++) {
		operand = &instruction->operands[i];
		if (!operand->is_memory || !operand->has_address || core->arch->is_canonical(operand->address))
			continue;
		fault->cause = CW_CAUSE_NON_CANONICAL;
		set_address(core, fault, operand->address, operand->access);
		fault->cause_text = arena_printf(core->arena,
		    "%s \"%s\" of \"%s\" is 0x%" PRIx64
		    ", which is no address of this CPU (not canonical), so the CPU raised a general protection fault",
		    operand->access == CW_ACCESS_EXEC ? "the" : "the address of operand", operand->text,
		    instruction->text, operand->address);
		return true;
	}
	return false;
}

static bool find_privileged(struct core *core, struct cw_fault *fault) {
	const struct cw_instruction *instruction = fault->instruction;

	if (!instruction || (instruction->class_ != CW_INSN_PRIVILEGED && instruction->class_ != CW_INSN_TRAP))
		return false;
	fault->cause = CW_CAUSE_PRIVILEGED;
	fault->cause_text = arena_printf(core->arena,
	    "\"%s\" is not allowed outside the kernel, so the CPU raised a general protection fault",
	    instruction->text);
	return true;
}

/* The operand that had to be aligned and is not; NULL: none. */
static const struct cw_operand *misaligned_operand(const struct cw_instruction *instruction) {
	const struct cw_operand *operand;

	if (!instruction || instruction->alignment == 0)
		return NULL;
	for (size_t i = 0; i < instruction->n_operands; i++) {
		operand = &instruction->operands[i];
		if (operand->is_memory && operand->has_address && !operand->implicit &&
		    operand->address % instruction->alignment != 0)
			return operand;
	}
	return NULL;
}

static bool set_misaligned(struct core *core, struct cw_fault *fault, const struct cw_operand *operand) {
	fault->cause = CW_CAUSE_MISALIGNED;
	set_address(core, fault, operand->address, operand->access);
	fault->cause_text = arena_printf(core->arena,
	    "\"%s\" needs its memory aligned to %u bytes, and 0x%" PRIx64 " %% %u is %" PRIu64,
	    fault->instruction->text, fault->instruction->alignment, operand->address, fault->instruction->alignment,
	    operand->address % fault->instruction->alignment);
	return true;
}

static bool find_aligned_simd(struct core *core, struct cw_fault *fault) {
	const struct cw_operand *operand = misaligned_operand(fault->instruction);

	/* Unmapped memory could also have been the original fault of an undeliverable signal: see what the stack says
	 * first. */
	return operand && core_find_mapping(core, operand->address) && set_misaligned(core, fault, operand);
}

static bool find_bad_sigreturn(struct core *core, struct cw_fault *fault) {
	const struct arch *arch = core->arch;
	char code[8];

	if (arch->syscall_number < 0 || fault->registers[arch->syscall_number] != arch->sigreturn_number)
		return false;
	if (fault->pc < arch->syscall.length || arch->syscall.length > sizeof(code) ||
	    core_read(core, fault->pc - arch->syscall.length, code, arch->syscall.length) < 0 ||
	    memcmp(code, arch->syscall.data, arch->syscall.length) != 0)
		return false;
	fault->cause = CW_CAUSE_BAD_SIGRETURN;
	fault->cause_text = arena_printf(core->arena,
	    "the program returned from a signal handler (rt_sigreturn, system call %" PRIu64
	    "), and the kernel could not restore the frame at SP 0x%" PRIx64,
	    arch->sigreturn_number, fault->sp);
	return true;
}

static bool permits(const struct cw_mapping *mapping, enum cw_access access) {
	static const unsigned needed[] = {
		[CW_ACCESS_UNKNOWN] = 0, [CW_ACCESS_READ] = CW_PERM_READ, [CW_ACCESS_WRITE] = CW_PERM_WRITE,
		[CW_ACCESS_EXEC] = CW_PERM_EXEC,
	};

	return mapping && (mapping->perm & needed[access]) == needed[access];
}

/* Below the stack's end, and not far from SP: a guard that mappings do not show (MADV_GUARD_INSTALL) looks like any
 * writable memory. */
static bool is_hidden_guard(const struct core *core, const struct cw_fault *fault, const struct cw_operand *operand) {
	const struct cw_stack *stack = &core->threads[0].stack;

	return stack->has_bounds && operand->address < stack->low && fault->sp < stack->low + core->pub.page_bytes &&
	       operand->address + core->pub.page_bytes >= fault->sp;
}

/* The data operand that cannot be accessed: outside the stack's bounds where these are known, and not permitted or in a
 * guard. */
const struct cw_operand *fault_inaccessible_operand(const struct core *core, const struct cw_fault *fault, const struct cw_instruction *instruction) {
	const struct cw_operand *operand;
	struct cw_region region;

	for (size_t i = 0; instruction && i < instruction->n_operands; i++) {
		operand = &instruction->operands[i];
		if (!operand->is_memory || !operand->has_address || operand->access == CW_ACCESS_EXEC)
			continue;
		fault_describe_address(core, operand->address, &region);
		if (region.kind == CW_REGION_STACK)
			continue;
		if (region.kind == CW_REGION_STACK_GUARD || !permits(region.mapping, operand->access) ||
		    is_hidden_guard(core, fault, operand))
			return operand;
	}
	return NULL;
}

static uint64_t bytes_for_frame(const struct core *core) {
	return core->arch->red_zone_bytes + MAX(core->at_minsigstksz, (uint64_t)core->arch->sigframe_min_bytes);
}

/*
 * How the stack pointer stands against the stack's end, as a clause with figures; NULL: there was room for a frame. A
 * main stack may grow to its limit, unless an access below it (operand) shows that it could not.
 */
static const char *no_room_text(struct core *core, const struct cw_fault *fault, const struct cw_operand *operand) {
	const struct cw_stack *stack = &core->threads[0].stack;
	uint64_t low = stack->low, needed = bytes_for_frame(core);
	bool known = stack->has_bounds && fault->sp < stack->high;

	if (known && fault->sp < low)
		return arena_printf(core->arena,
		    "the stack was exhausted: SP 0x%" PRIx64 " is %" PRIu64
		    " bytes below the end of the stack (0x%" PRIx64 ")",
		    fault->sp, low - fault->sp, low);
	if (!permits(core_find_mapping(core, fault->sp), CW_ACCESS_WRITE))
		return arena_printf(
		    core->arena, "there was no stack: SP 0x%" PRIx64 " is not in writable memory", fault->sp);
	if (!known)
		return NULL;
	if (stack->kind == CW_STACK_MAIN && stack->has_limit &&
	    (!operand || operand->address >= low || operand->address + needed < fault->sp))
		low = MIN(low, stack->high > stack->limit_bytes ? stack->high - stack->limit_bytes : 0);
	if (fault->sp - low >= needed)
		return NULL;
	return arena_printf(core->arena,
	    "the stack was exhausted: SP 0x%" PRIx64 " is only %" PRIu64 " bytes above the end of the stack (0x%" PRIx64
	    "), and a signal frame takes up to %" PRIu64,
	    fault->sp, fault->sp - low, low, needed);
}

static bool find_undeliverable(struct core *core, struct cw_fault *fault) {
	const struct cw_operand *operand;
	const char *room;

	/* Where a handler ran, the frame was written. */
	if (fault->source == CW_FAULT_SIGNAL_FRAME || fault->signal.number != FAULT_SIGSEGV)
		return false;
	operand = fault_inaccessible_operand(core, fault, fault->instruction);
	room = no_room_text(core, fault, operand);
	if (!room)
		return false;
	fault->cause = CW_CAUSE_SIGNAL_UNDELIVERABLE;
	if (operand) {
		set_address(core, fault, operand->address, operand->access);
		fault->cause_text = arena_printf(core->arena,
		    "%s, so the kernel could not write the signal frame for the handler of the original fault: \"%s\" at 0x%" PRIx64
		    " (si_code SI_KERNEL, no address)",
		    room, fault->instruction->text, operand->address);
	} else
		fault->cause_text = arena_printf(core->arena,
		    "%s, so the kernel could not write the frame of a signal's handler (si_code SI_KERNEL, no address)",
		    room);
	return true;
}

/* The stack has room, yet memory that cannot be accessed was: then the handler's frame had to go to an alternate stack
 * that could not take it. */
static bool find_behind_altstack(struct core *core, struct cw_fault *fault) {
	const struct cw_operand *operand = core->arch->has_general_protection ? misaligned_operand(fault->instruction) : NULL;

	if (operand)
		return set_misaligned(core, fault, operand);
	if (fault->source == CW_FAULT_SIGNAL_FRAME || fault->signal.number != FAULT_SIGSEGV)
		return false;
	operand = fault_inaccessible_operand(core, fault, fault->instruction);
	if (!operand)
		return false;
	fault->cause = CW_CAUSE_PAGE_FAULT;
	set_address(core, fault, operand->address, operand->access);
	fault->cause_text = arena_printf(core->arena,
	    "\"%s\" touches 0x%" PRIx64
	    ", which cannot be accessed; the kernel reported no address (SI_KERNEL), most likely because the handler's alternate signal stack was too small",
	    fault->instruction->text, operand->address);
	return true;
}

void fault_find_kernel_cause(struct core *core, struct cw_fault *fault) {
	/* The first three are faults of the CPU's that have no address; not every CPU knows such. */
	enum { N_GENERAL_PROTECTION = 3 };
	static bool (*const rules[])(struct core *core, struct cw_fault *fault) = {
		find_non_canonical, find_privileged, find_aligned_simd, find_bad_sigreturn, find_undeliverable,
		find_behind_altstack,
	};

	for (size_t i = core->arch->has_general_protection ? 0 : N_GENERAL_PROTECTION; i < ELEMENTSOF(rules); i++)
		if (rules[i](core, fault))
			return;
	fault->cause = CW_CAUSE_UNKNOWN;
	fault->cause_text =
	    "the kernel reported no address (SI_KERNEL), and neither the instruction nor the stack pointer shows why";
}

void fault_find_misaligned(struct core *core, struct cw_fault *fault) {
	const struct cw_operand *operand;

	fault->cause = CW_CAUSE_MISALIGNED;
	fault->cause_text = "the CPU was told to check alignment (EFLAGS.AC), and raised an alignment fault";
	for (size_t i = 0; fault->instruction && i < fault->instruction->n_operands; i++) {
		operand = &fault->instruction->operands[i];
		if (!operand->is_memory || !operand->has_address || operand->size < 2 ||
		    operand->access == CW_ACCESS_EXEC || operand->address % operand->size == 0)
			continue;
		set_address(core, fault, operand->address, operand->access);
		fault->cause_text = arena_printf(core->arena,
		    "the CPU was told to check alignment (EFLAGS.AC), and \"%s\" accesses %u bytes at 0x%" PRIx64,
		    fault->instruction->text, operand->size, operand->address);
		return;
	}
}
