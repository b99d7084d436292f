/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an x86 instruction touches: explicit operands with their effective addresses, and the implicit ones of push,
 * call, ret and their kin.
 *
 * The target of an indirect jump, call or ret is given as an operand with access exec. What single instructions do is
 * in insn-x86-tables.c. Source: Intel SDM volume 2.
 */
#include "core/insn-private.h"

static uint64_t mask_bytes(uint64_t value, unsigned bytes) {
	return bytes >= 8 ? value : value & ((UINT64_C(1) << (8 * bytes)) - 1);
}

static const char *stack_register(const struct insn_builder *b) {
	return b->core->arch->register_names[b->core->arch->sp];
}

/* A general register of 64 or 32 bits by capstone's number. */
static bool get_register(const struct insn_builder *b, unsigned id, uint64_t *ret_value) {
	const char *name = cs_reg_name(b->handle, id);
	char whole[8];
	size_t n;

	if (!name)
		return false;
	if (id == X86_REG_RIP || id == X86_REG_EIP) {
		/* Relative to the next instruction, not to what the thread's pc may be. */
		*ret_value = b->insn->address + b->insn->size;
		return true;
	}
	if (insn_register(b, name, ret_value))
		return true;
	/* "eax" is the low half of "rax", "r8d" of "r8". */
	n = strlen(name);
	if (b->core->arch->word_bytes != 8 || n < 3 || n >= sizeof(whole))
		return false;
	memcpy(whole, name, n + 1);
	if (whole[0] == 'e')
		whole[0] = 'r';
	else if (whole[0] == 'r' && whole[n - 1] == 'd')
		whole[n - 1] = '\0';
	else
		return false;
	if (!insn_register(b, whole, ret_value))
		return false;
	*ret_value = mask_bytes(*ret_value, 4);
	return true;
}

/* Only fs and gs have bases of their own. false: the base is not known. */
static bool get_segment_base(const struct insn_builder *b, unsigned segment, uint64_t *ret_base) {
	*ret_base = 0;
	if (segment == X86_REG_FS)
		return insn_register(b, "fs_base", ret_base);
	if (segment == X86_REG_GS)
		/* On i386 the base comes from a note that may be missing; nothing is ever based at 0 there. */
		return insn_register(b, "gs_base", ret_base) && (b->core->arch->word_bytes == 8 || *ret_base != 0);
	return true;
}

static bool effective_address(const struct insn_builder *b, const x86_op_mem *mem, uint64_t *ret_address) {
	unsigned address_bytes = b->insn->detail->x86.addr_size;
	uint64_t address = (uint64_t)mem->disp, value;

	if (address_bytes != 4 && address_bytes != 8)
		return false;
	if (mem->base != X86_REG_INVALID) {
		if (!get_register(b, mem->base, &value))
			return false;
		address += value;
	}
	if (mem->index != X86_REG_INVALID && mem->index != X86_REG_RIZ && mem->index != X86_REG_EIZ) {
		if (!get_register(b, mem->index, &value)) /* a vector register: a gather has many addresses */
			return false;
		address += value * (uint64_t)mem->scale;
	}
	if (!get_segment_base(b, mem->segment, &value))
		return false;
	*ret_address = mask_bytes(mask_bytes(address, address_bytes) + value, b->core->arch->word_bytes);
	return true;
}

/* The n-th part of "eax, dword ptr [rbx + 4], 3"; commas do not stand within an operand. */
static const char *operand_text(const struct insn_builder *b, unsigned n) {
	const char *s = b->insn->op_str, *end;

	while (n > 0 && (s = strchr(s, ',')) != NULL) {
		s++;
		n--;
	}
	if (!s)
		return b->insn->op_str;
	while (*s == ' ')
		s++;
	end = strchrnul(s, ',');
	return arena_strndup(b->core->arena, s, (size_t)(end - s));
}

static int add_explicit(struct insn_builder *b, unsigned n) {
	const cs_x86_op *op = &b->insn->detail->x86.operands[n];
	const char *text = operand_text(b, n);
	struct cw_operand *operand;
	uint32_t alignment;

	if (!text)
		return -ENOMEM;
	operand = insn_add_operand(b, text);
	if (!operand)
		return 0;
	operand->size = op->size;
	if (op->type != X86_OP_MEM) {
		operand->access = op->access & CS_AC_WRITE ? CW_ACCESS_WRITE : CW_ACCESS_READ;
		return 0;
	}
	operand->access = insn_x86_access(b, n);
	operand->is_memory = !insn_x86_has_no_access(b);
	if (!operand->is_memory)
		operand->access = CW_ACCESS_UNKNOWN;
	operand->base = op->mem.base != X86_REG_INVALID ? cs_reg_name(b->handle, op->mem.base) : NULL;
	operand->displacement = op->mem.disp;
	/* A bit string's offset in a register moves the address: not followed. */
	if ((b->insn->id == X86_INS_BT || b->insn->id == X86_INS_BTS || b->insn->id == X86_INS_BTR ||
		b->insn->id == X86_INS_BTC) &&
	    b->insn->detail->x86.operands[1].type == X86_OP_REG)
		return 0;
	operand->has_address = effective_address(b, &op->mem, &operand->address);
	alignment = operand->is_memory ? insn_x86_alignment(b, op->size) : 0;
	if (alignment > 0) {
		b->out->alignment = alignment;
		if (b->out->class_ == CW_INSN_OTHER && (op->size == 16 || op->size == 32 || op->size == 64))
			b->out->class_ = CW_INSN_ALIGNED_SIMD;
	}
	return 0;
}

/* An access at [name + displacement] that stands in no operand list. */
static int add_implicit(
    struct insn_builder *b, const char *name, int64_t displacement, uint32_t size, enum cw_access access) {
	const char *sign = displacement < 0 ? " - " : " + ";
	struct cw_operand *operand;
	const char *text;
	uint64_t value;

	if (displacement == 0)
		text = arena_printf(b->core->arena, "[%s]", name);
	else
		text = arena_printf(b->core->arena, "[%s%s%lld]", name, sign,
		    (long long)(displacement < 0 ? -displacement : displacement));
	if (!text)
		return -ENOMEM;
	operand = insn_add_operand(b, text);
	if (!operand)
		return 0;
	*operand = (struct cw_operand){
		.text = text,
		.is_memory = true,
		.size = size,
		.access = access,
		.base = name,
		.displacement = displacement,
		.implicit = true,
	};
	if (insn_register(b, name, &value)) {
		operand->has_address = true;
		operand->address = mask_bytes(value + (uint64_t)displacement, b->core->arch->word_bytes);
	}
	return 0;
}

/* Where an indirect call, jump or ret goes: the value of a register, or the word at an address. */
static void add_target(struct insn_builder *b, bool known, uint64_t target) {
	struct cw_operand *operand = insn_add_operand(b, "target");

	if (!operand)
		return;
	operand->is_memory = true;
	operand->access = CW_ACCESS_EXEC;
	operand->implicit = true;
	operand->has_address = known;
	operand->address = known ? target : 0;
}

static void add_branch_target(struct insn_builder *b) {
	const cs_x86 *x86 = &b->insn->detail->x86;
	uint64_t target = 0;
	bool known = false;

	if (x86->op_count != 1 || b->insn->id == X86_INS_LCALL || b->insn->id == X86_INS_LJMP)
		return;
	if (x86->operands[0].type == X86_OP_REG)
		known = get_register(b, x86->operands[0].reg, &target);
	else if (x86->operands[0].type == X86_OP_MEM)
		known = b->out->operands[0].has_address &&
		        core_read_word(b->core, b->out->operands[0].address, &target) == 0;
	else
		return;
	add_target(b, known, target);
}

static int add_return(struct insn_builder *b) {
	uint64_t sp, target = 0;
	bool known;
	int r;

	r = add_implicit(b, stack_register(b), 0, b->core->arch->word_bytes, CW_ACCESS_READ);
	if (r < 0)
		return r;
	known = insn_register(b, stack_register(b), &sp) && core_read_word(b->core, sp, &target) == 0;
	add_target(b, known, target);
	return 0;
}

/* push, pop and the like move a word, or two bytes with an operand-size prefix; pusha and popa eight of them. */
static int add_push_pop(struct insn_builder *b) {
	unsigned word = b->insn->detail->x86.prefix[2] == X86_PREFIX_OPSIZE ? 2 : b->core->arch->word_bytes;
	const char *name = stack_register(b);

	switch (b->insn->id) {
	case X86_INS_LEAVE:
		name = b->core->arch->register_names[b->core->arch->fp];
		break;
	case X86_INS_PUSHAW:
	case X86_INS_PUSHAL:
	case X86_INS_POPAW:
	case X86_INS_POPAL:
		word *= 8;
		break;
	default:
		break;
	}
	if (b->out->class_ == CW_INSN_PUSH)
		return add_implicit(b, name, -(int64_t)word, word, CW_ACCESS_WRITE);
	return add_implicit(b, name, 0, word, CW_ACCESS_READ);
}

/* xlat reads [rbx + al]; maskmovdqu writes [rdi]. */
static int add_others(struct insn_builder *b) {
	bool wide = b->core->arch->word_bytes == 8;
	uint64_t al;

	switch (b->insn->id) {
	case X86_INS_XLATB:
		if (!insn_register(b, wide ? "rax" : "eax", &al))
			al = 0;
		return add_implicit(b, wide ? "rbx" : "ebx", (int64_t)(al & 0xff), 1, CW_ACCESS_READ);
	case X86_INS_MASKMOVDQU:
	case X86_INS_VMASKMOVDQU:
		return add_implicit(b, wide ? "rdi" : "edi", 0, 16, CW_ACCESS_WRITE);
	case X86_INS_MASKMOVQ:
		return add_implicit(b, wide ? "rdi" : "edi", 0, 8, CW_ACCESS_WRITE);
	default:
		return 0;
	}
}

int insn_fill_x86(struct insn_builder *b) {
	int r;

	b->out->class_ = insn_x86_class(b);
	for (unsigned i = 0; i < b->insn->detail->x86.op_count; i++) {
		r = add_explicit(b, i);
		if (r < 0)
			return r;
	}
	switch (b->out->class_) {
	case CW_INSN_CALL:
		r = add_implicit(b, stack_register(b), -(int64_t)b->core->arch->word_bytes, b->core->arch->word_bytes,
		    CW_ACCESS_WRITE);
		if (r < 0)
			return r;
		add_branch_target(b);
		return 0;
	case CW_INSN_JUMP:
		add_branch_target(b);
		return 0;
	case CW_INSN_RET:
		return add_return(b);
	case CW_INSN_PUSH:
	case CW_INSN_POP:
		return add_push_pop(b);
	default:
		return add_others(b);
	}
}
