/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Applying a row, and the part of the DWARF expression language that call frame information uses (DWARF 5, §2.5 and §6.4.2). */
#include <dwarf.h>

#include "core/cfi.h"

/* Expressions in call frame information have some ten operations; PLT entries 9. */
#define STACK_MAX 32
#define STEPS_MAX 256

struct evaluation {
	struct core *core;
	const uint64_t *registers;
	uint64_t valid;
	uint64_t cfa;
	bool has_cfa;
	uint64_t stack[STACK_MAX];
	size_t depth;
	uint64_t failed;
};

static int push(struct evaluation *e, uint64_t value) {
	if (e->depth == STACK_MAX)
		return -EINVAL;
	if (e->core->arch->word_bytes == 4)
		value &= UINT32_MAX;
	e->stack[e->depth++] = value;
	return 0;
}

static int push_register(struct evaluation *e, uint64_t reg, uint64_t offset) {
	if (reg >= e->core->arch->n_dwarf || !(e->valid >> reg & 1))
		return -EINVAL;
	return push(e, e->registers[reg] + offset);
}

static int binary(struct evaluation *e, unsigned atom) {
	uint64_t a, b;

	if (e->depth < 2)
		return -EINVAL;
	b = e->stack[--e->depth];
	a = e->stack[--e->depth];
	switch (atom) {
	case DW_OP_and: return push(e, a & b);
	case DW_OP_or: return push(e, a | b);
	case DW_OP_xor: return push(e, a ^ b);
	case DW_OP_plus: return push(e, a + b);
	case DW_OP_minus: return push(e, a - b);
	case DW_OP_mul: return push(e, a * b);
	case DW_OP_shl: return push(e, b < 64 ? a << b : 0);
	case DW_OP_shr: return push(e, b < 64 ? a >> b : 0);
	case DW_OP_shra: return push(e, (uint64_t)((int64_t)a >> (b < 64 ? b : 63)));
	case DW_OP_eq: return push(e, a == b);
	case DW_OP_ne: return push(e, a != b);
	case DW_OP_ge: return push(e, (int64_t)a >= (int64_t)b);
	case DW_OP_gt: return push(e, (int64_t)a > (int64_t)b);
	case DW_OP_le: return push(e, (int64_t)a <= (int64_t)b);
	case DW_OP_lt: return push(e, (int64_t)a < (int64_t)b);
	default: return -EINVAL;
	}
}

static int deref(struct evaluation *e, size_t bytes) {
	uint64_t value = 0, address;

	if (e->depth < 1 || bytes == 0 || bytes > 8)
		return -EINVAL;
	address = e->stack[--e->depth];
	if (core_read(e->core, address, &value, bytes) < 0) {
		e->failed = address;
		return -EFAULT;
	}
	return push(e, value);
}

static int one_operation(struct evaluation *e, const Dwarf_Op *op) {
	unsigned a = op->atom;

	if (a >= DW_OP_lit0 && a <= DW_OP_lit31)
		return push(e, a - DW_OP_lit0);
	if (a >= DW_OP_breg0 && a <= DW_OP_breg31)
		return push_register(e, a - DW_OP_breg0, op->number);
	switch (a) {
	case DW_OP_bregx: return push_register(e, op->number, op->number2);
	case DW_OP_addr: case DW_OP_const1u: case DW_OP_const2u: case DW_OP_const4u: case DW_OP_const8u: case DW_OP_constu:
	case DW_OP_const1s: case DW_OP_const2s: case DW_OP_const4s: case DW_OP_const8s: case DW_OP_consts:
		return push(e, op->number);
	case DW_OP_call_frame_cfa: return e->has_cfa ? push(e, e->cfa) : -EINVAL;
	case DW_OP_plus_uconst: return e->depth ? (e->stack[e->depth - 1] += op->number, 0) : -EINVAL;
	case DW_OP_dup: return e->depth ? push(e, e->stack[e->depth - 1]) : -EINVAL;
	case DW_OP_drop: return e->depth ? (e->depth--, 0) : -EINVAL;
	case DW_OP_over: return e->depth > 1 ? push(e, e->stack[e->depth - 2]) : -EINVAL;
	case DW_OP_deref: return deref(e, e->core->arch->word_bytes);
	case DW_OP_deref_size: return deref(e, (size_t)op->number);
	case DW_OP_nop: return 0;
	default: return binary(e, a);
	}
}

/* Branches and anything unknown are refused: no compiler writes them into call frame information. That DW_CFA_expression starts with the CFA
 * on the stack is libdw's doing: it puts DW_OP_call_frame_cfa in front. */
static int evaluate(struct evaluation *e, const struct cfi_rule *rule, uint64_t *ret) {
	int r;

	e->depth = 0;
	if (rule->n_ops > STEPS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < rule->n_ops; i++) {
		r = one_operation(e, &rule->ops[i]);
		if (r < 0)
			return r;
	}
	if (e->depth == 0)
		return -EINVAL;
	*ret = e->stack[e->depth - 1];
	return 0;
}

static int apply_rule(struct evaluation *e, const struct cfi_rule *rule, unsigned reg, struct cfi_step *step) {
	uint64_t address = 0, value = 0;
	int r = 0;

	switch (rule->kind) {
	case CFI_UNDEFINED:
	case CFI_SAME:
		return 0; /* cfi_row.same */
	case CFI_REGISTER:
		if ((uint64_t)rule->offset >= e->core->arch->n_dwarf || !(e->valid >> rule->offset & 1))
			return 0;
		value = e->registers[rule->offset];
		break;
	case CFI_VALUE_OFFSET:
		value = e->cfa + (uint64_t)rule->offset;
		break;
	case CFI_VALUE_EXPRESSION:
		r = evaluate(e, rule, &value);
		break;
	case CFI_OFFSET:
	case CFI_EXPRESSION:
		if (rule->kind == CFI_OFFSET)
			address = e->cfa + (uint64_t)rule->offset;
		else
			r = evaluate(e, rule, &address);
		if (r >= 0 && core_read_word(e->core, address, &value) < 0) {
			e->failed = address;
			r = -EFAULT;
		}
		break;
	}
	if (r < 0)
		return r;
	step->registers[reg] = e->core->arch->word_bytes == 4 ? value & UINT32_MAX : value;
	step->valid |= UINT64_C(1) << reg;
	return 0;
}

int cfi_apply(struct core *core, const struct cfi_row *row, const uint64_t *registers, uint64_t valid, struct cfi_step *step) {
	const struct arch *arch = core->arch;
	struct evaluation e;
	int r;

	step->cfa = step->failed = 0;
	step->outermost = row->outermost;
	/* Member by member: its stack is large, and most rows evaluate nothing. */
	e.core = core;
	e.registers = registers;
	e.valid = valid;
	e.has_cfa = false;
	e.failed = 0;
	if (row->cfa.kind == CFI_REGISTER) {
		if (!(valid >> row->cfa_register & 1))
			return -EINVAL;
		e.cfa = registers[row->cfa_register] + (uint64_t)row->cfa.offset;
	} else {
		r = evaluate(&e, &row->cfa, &e.cfa);
		if (r < 0) {
			step->failed = e.failed;
			return r;
		}
	}
	if (arch->word_bytes == 4)
		e.cfa &= UINT32_MAX;
	e.has_cfa = true;
	step->cfa = e.cfa;
	step->valid = valid & row->same;
	memcpy(step->registers, registers, arch->n_dwarf * sizeof(*registers));
	for (size_t i = 0; i < row->n_rules; i++) {
		r = apply_rule(&e, &row->rules[i].rule, row->rules[i].reg, step);
		/* A register that cannot be restored is simply unknown from here on, unless it is the return address. */
		if (r < 0 && row->rules[i].reg == row->ra_column) {
			step->failed = e.failed;
			return r;
		}
	}
	if (!(step->valid >> arch->sp & 1)) {
		step->registers[arch->sp] = step->cfa;
		step->valid |= UINT64_C(1) << arch->sp;
	}
	if (!step->outermost) {
		if (!(step->valid >> row->ra_column & 1)) {
			step->cfa = 0;
			return -EINVAL;
		}
		step->registers[arch->pc] = step->registers[row->ra_column];
		step->valid |= UINT64_C(1) << arch->pc;
	}
	return 0;
}
