/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an x86 instruction touches (Zydis): explicit operands with their effective addresses, and the implicit ones of
 * push, call, ret and their kin.
 *
 * The target of an indirect jump, call or ret is given as an operand with access exec. Read-modify-write counts as a
 * write, because that is what the page fault says. Zydis and not capstone, whose tables for all CPUs cost each process
 * 80 000 relocations, a third of a short analysis. Source: Intel SDM volume 2.
 */
#include "core/insn-x86-private.h"

static uint64_t mask_bytes(uint64_t value, unsigned bytes) {
	return bytes >= 8 ? value : value & ((UINT64_C(1) << (8 * bytes)) - 1);
}

static const char *stack_register(const struct x86_insn *x) {
	return x->b->core->arch->register_names[x->b->core->arch->sp];
}

/* A general register of 64 or 32 bits. */
static bool get_register(const struct x86_insn *x, ZydisRegister reg, uint64_t *ret_value) {
	bool wide = x->b->core->arch->word_bytes == 8;
	ZydisRegister whole;

	if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP) {
		/* Relative to the next instruction, not to what the thread's pc may be. */
		*ret_value = x->b->out->address + x->insn.length;
		return true;
	}
	if (insn_register(x->b, ZydisRegisterGetString(reg), ret_value))
		return true;
	whole = wide ? ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg) : ZYDIS_REGISTER_NONE;
	if (ZydisRegisterGetClass(reg) != ZYDIS_REGCLASS_GPR32 || whole == ZYDIS_REGISTER_NONE ||
	    !insn_register(x->b, ZydisRegisterGetString(whole), ret_value))
		return false;
	*ret_value = mask_bytes(*ret_value, 4);
	return true;
}

/* Only fs and gs have bases of their own. false: the base is not known. */
static bool get_segment_base(const struct x86_insn *x, ZydisRegister segment, uint64_t *ret_base) {
	*ret_base = 0;
	if (segment == ZYDIS_REGISTER_FS)
		return insn_register(x->b, "fs_base", ret_base);
	if (segment == ZYDIS_REGISTER_GS)
		/* On i386 the base comes from a note that may be missing; nothing is ever based at 0 there. */
		return insn_register(x->b, "gs_base", ret_base) && (x->b->core->arch->word_bytes == 8 || *ret_base != 0);
	return true;
}

static bool effective_address(const struct x86_insn *x, const ZydisDecodedOperandMem *mem, uint64_t *ret_address) {
	unsigned address_bytes = x->insn.address_width / 8u;
	uint64_t address = (uint64_t)mem->disp.value, value;

	if (address_bytes != 4 && address_bytes != 8)
		return false;
	if (mem->base != ZYDIS_REGISTER_NONE) {
		if (!get_register(x, mem->base, &value))
			return false;
		address += value;
	}
	if (mem->index != ZYDIS_REGISTER_NONE) {
		if (!get_register(x, mem->index, &value)) /* a vector register: a gather has many addresses */
			return false;
		address += value * (uint64_t)mem->scale;
	}
	if (!get_segment_base(x, mem->segment, &value))
		return false;
	*ret_address = mask_bytes(mask_bytes(address, address_bytes) + value, x->b->core->arch->word_bytes);
	return true;
}

static enum cw_access access_of(const ZydisDecodedOperand *o) {
	return o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE ? CW_ACCESS_WRITE : CW_ACCESS_READ;
}

/* A bit string's offset in a register moves the address. */
static bool has_moving_address(const struct x86_insn *x) {
	ZydisMnemonic id = x->insn.mnemonic;

	return (id == ZYDIS_MNEMONIC_BT || id == ZYDIS_MNEMONIC_BTS || id == ZYDIS_MNEMONIC_BTR || id == ZYDIS_MNEMONIC_BTC) &&
	       x->operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER;
}

static void fill_memory(const struct x86_insn *x, const ZydisDecodedOperand *o, struct cw_operand *operand) {
	struct cw_instruction *out = x->b->out;
	uint32_t alignment;

	operand->is_memory = !x86_has_no_access(x, o);
	operand->base = o->mem.base != ZYDIS_REGISTER_NONE ? ZydisRegisterGetString(o->mem.base) : NULL;
	operand->displacement = o->mem.disp.value;
	if (!has_moving_address(x))
		operand->has_address = effective_address(x, &o->mem, &operand->address);
	if (!operand->is_memory) {
		operand->access = CW_ACCESS_UNKNOWN;
		return;
	}
	alignment = x86_alignment(x, operand->size);
	if (alignment == 0)
		return;
	out->alignment = alignment;
	if (out->class_ == CW_INSN_OTHER && (operand->size == 16 || operand->size == 32 || operand->size == 64))
		out->class_ = CW_INSN_ALIGNED_SIMD;
}

static int add_shown(struct x86_insn *x, const ZydisDecodedOperand *o) {
	const char *text = x86_operand_text(x, o);
	struct cw_operand *operand;

	if (!text)
		return -ENOMEM;
	operand = insn_add_operand(x->b, text);
	if (!operand)
		return 0;
	operand->size = o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && o->imm.is_relative ? x->b->core->arch->word_bytes : o->size / 8u;
	operand->access = access_of(o);
	if (o->type == ZYDIS_OPERAND_TYPE_MEMORY)
		fill_memory(x, o, operand);
	return 0;
}

/* An access at [name + displacement] that stands in no operand list. */
static int add_implicit(struct x86_insn *x, const char *name, int64_t displacement, uint32_t size, enum cw_access access) {
	struct arena *arena = x->b->core->arena;
	struct cw_operand *operand;
	const char *text;
	uint64_t value;

	if (displacement == 0)
		text = arena_printf(arena, "[%s]", name);
	else
		text = arena_printf(arena, "[%s %c %lld]", name, displacement < 0 ? '-' : '+',
				    (long long)(displacement < 0 ? -displacement : displacement));
	if (!text)
		return -ENOMEM;
	operand = insn_add_operand(x->b, text);
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
	if (insn_register(x->b, name, &value)) {
		operand->has_address = true;
		operand->address = mask_bytes(value + (uint64_t)displacement, x->b->core->arch->word_bytes);
	}
	return 0;
}

/* Memory that the text does not show. What is written through the stack pointer lies below it. */
static int add_hidden(struct x86_insn *x, const ZydisDecodedOperand *o) {
	uint32_t size = o->size / 8u;
	int64_t displacement = o->mem.disp.value;
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(x->insn.machine_mode, o->mem.base);
	const char *base = ZydisRegisterGetString(whole != ZYDIS_REGISTER_NONE ? whole : o->mem.base);
	uint64_t al;

	if (!base)
		return 0;
	if (streq(base, stack_register(x)) && (o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
		displacement = -(int64_t)size;
	if (x->insn.mnemonic == ZYDIS_MNEMONIC_XLAT && insn_register(x->b, x->b->core->arch->word_bytes == 8 ? "rax" : "eax", &al))
		displacement = (int64_t)(al & 0xff);
	return add_implicit(x, base, displacement, size, access_of(o));
}

/* Where an indirect call, jump or ret goes: the value of a register, or the word at an address. */
static void add_target(struct x86_insn *x, bool known, uint64_t target) {
	struct cw_operand *operand = insn_add_operand(x->b, "target");

	if (!operand)
		return;
	operand->is_memory = true;
	operand->access = CW_ACCESS_EXEC;
	operand->implicit = true;
	operand->has_address = known;
	operand->address = known ? target : 0;
}

static void add_branch_target(struct x86_insn *x) {
	const ZydisDecodedOperand *o = &x->operands[0];
	const struct cw_operand *memory = &x->b->out->operands[0];
	uint64_t target = 0, sp;
	bool known;

	if (x->insn.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR && x->b->out->class_ != CW_INSN_RET)
		return;
	if (x->b->out->class_ == CW_INSN_RET)
		known = insn_register(x->b, stack_register(x), &sp) && core_read_word(x->b->core, sp, &target) == 0;
	else if (o->type == ZYDIS_OPERAND_TYPE_REGISTER)
		known = get_register(x, o->reg.value, &target);
	else if (o->type == ZYDIS_OPERAND_TYPE_MEMORY)
		known = memory->has_address && core_read_word(x->b->core, memory->address, &target) == 0;
	else
		return;
	add_target(x, known, target);
}

static int fill(struct x86_insn *x) {
	struct cw_instruction *out = x->b->out;
	int r = 0;

	out->class_ = x86_class(x);
	for (unsigned i = 0; i < x->insn.operand_count && r >= 0; i++)
		if (x86_is_shown(x, &x->operands[i]) && x->operands[i].encoding != ZYDIS_OPERAND_ENCODING_MASK)
			r = add_shown(x, &x->operands[i]);
	for (unsigned i = 0; i < x->insn.operand_count && r >= 0; i++)
		if (!x86_is_shown(x, &x->operands[i]) && x->operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
			r = add_hidden(x, &x->operands[i]);
	if (out->class_ == CW_INSN_CALL || out->class_ == CW_INSN_JUMP || out->class_ == CW_INSN_RET)
		add_branch_target(x);
	return r;
}

static bool decode(void *state, struct insn_builder *b, const uint8_t *bytes, size_t n) {
	struct x86_insn x = { .b = b };
	ZydisDecoderContext context;

	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(state, &context, bytes, n, &x.insn)) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeOperands(state, &context, &x.insn, x.operands, x.insn.operand_count)))
		return false;
	b->out->length = x.insn.length;
	b->out->text = x86_text(&x);
	return b->out->text && fill(&x) >= 0;
}

static int open_decoder(const struct arch *arch, void **ret_state) {
	bool wide = arch->word_bytes == 8;
	ZydisDecoder *decoder = malloc(sizeof(*decoder));

	if (!decoder)
		return -ENOMEM;
	if (!ZYAN_SUCCESS(ZydisDecoderInit(decoder, wide ? ZYDIS_MACHINE_MODE_LONG_64 : ZYDIS_MACHINE_MODE_LEGACY_32,
					   wide ? ZYDIS_STACK_WIDTH_64 : ZYDIS_STACK_WIDTH_32))) {
		free(decoder);
		return -EOPNOTSUPP;
	}
	*ret_state = decoder;
	return 0;
}

const struct insn_arch insn_arch_x86_64 = { CW_ARCH_X86_64, open_decoder, free, decode };
const struct insn_arch insn_arch_i386 = { CW_ARCH_I386, open_decoder, free, decode };
