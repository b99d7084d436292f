/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What kinds of x86 instructions do, beyond what Zydis tells of each.
 *
 * Source: Intel SDM volume 2; alignment: volume 1, 4.1.1, and the exception classes of volume 2, 2.4 and 2.7.
 */
#include "core/insn-x86-private.h"

static const struct {
	ZydisMnemonic id;
	enum cw_instruction_class class_;
} by_mnemonic[] = {
	{ ZYDIS_MNEMONIC_ENTER, CW_INSN_PUSH },    { ZYDIS_MNEMONIC_LEAVE, CW_INSN_POP },
	{ ZYDIS_MNEMONIC_DIV, CW_INSN_DIVIDE },    { ZYDIS_MNEMONIC_IDIV, CW_INSN_DIVIDE },
	{ ZYDIS_MNEMONIC_INT3, CW_INSN_TRAP },     { ZYDIS_MNEMONIC_INT1, CW_INSN_TRAP },
	{ ZYDIS_MNEMONIC_INT, CW_INSN_TRAP },      { ZYDIS_MNEMONIC_UD0, CW_INSN_UNDEFINED },
	{ ZYDIS_MNEMONIC_UD1, CW_INSN_UNDEFINED }, { ZYDIS_MNEMONIC_UD2, CW_INSN_UNDEFINED },
	{ ZYDIS_MNEMONIC_SYSCALL, CW_INSN_SYSCALL }, { ZYDIS_MNEMONIC_SYSENTER, CW_INSN_SYSCALL },
	/* Only the kernel may, whatever CR4 would allow: Linux does not. */
	{ ZYDIS_MNEMONIC_RDPMC, CW_INSN_PRIVILEGED }, { ZYDIS_MNEMONIC_CLI, CW_INSN_PRIVILEGED },
	{ ZYDIS_MNEMONIC_STI, CW_INSN_PRIVILEGED },
};

static const struct {
	ZydisInstructionCategory id;
	enum cw_instruction_class class_;
} by_category[] = {
	{ ZYDIS_CATEGORY_PUSH, CW_INSN_PUSH },    { ZYDIS_CATEGORY_POP, CW_INSN_POP },
	{ ZYDIS_CATEGORY_CALL, CW_INSN_CALL },    { ZYDIS_CATEGORY_RET, CW_INSN_RET },
	{ ZYDIS_CATEGORY_COND_BR, CW_INSN_JUMP }, { ZYDIS_CATEGORY_UNCOND_BR, CW_INSN_JUMP },
	/* in and out, without I/O privileges. */
	{ ZYDIS_CATEGORY_IO, CW_INSN_PRIVILEGED }, { ZYDIS_CATEGORY_IOSTRINGOP, CW_INSN_PRIVILEGED },
};

/* SIMD forms whose memory must be aligned to their own size: those that say so, and legacy SSE with 16 bytes. */
static const ZydisExceptionClass aligned[] = {
	ZYDIS_EXCEPTION_CLASS_SSE1, ZYDIS_EXCEPTION_CLASS_AVX1, ZYDIS_EXCEPTION_CLASS_E1, ZYDIS_EXCEPTION_CLASS_E1NF,
};
static const ZydisExceptionClass aligned_legacy[] = { ZYDIS_EXCEPTION_CLASS_SSE2, ZYDIS_EXCEPTION_CLASS_SSE4 };

/* Exceptions from SSE4's rule. */
static const ZydisMnemonic unaligned[] = {
	ZYDIS_MNEMONIC_MOVUPS, ZYDIS_MNEMONIC_MOVUPD, ZYDIS_MNEMONIC_MOVDQU, ZYDIS_MNEMONIC_LDDQU,
	ZYDIS_MNEMONIC_PCMPESTRI, ZYDIS_MNEMONIC_PCMPESTRM, ZYDIS_MNEMONIC_PCMPISTRI, ZYDIS_MNEMONIC_PCMPISTRM,
};

/* Not SIMD, and aligned all the same. */
static const struct {
	ZydisMnemonic id;
	uint8_t alignment;
} aligned_others[] = {
	{ ZYDIS_MNEMONIC_CMPXCHG16B, 16 }, { ZYDIS_MNEMONIC_FXSAVE, 16 },   { ZYDIS_MNEMONIC_FXSAVE64, 16 },
	{ ZYDIS_MNEMONIC_FXRSTOR, 16 },    { ZYDIS_MNEMONIC_FXRSTOR64, 16 }, { ZYDIS_MNEMONIC_XSAVE, 64 },
	{ ZYDIS_MNEMONIC_XSAVE64, 64 },    { ZYDIS_MNEMONIC_XRSTOR, 64 },    { ZYDIS_MNEMONIC_XRSTOR64, 64 },
	{ ZYDIS_MNEMONIC_XSAVEC, 64 },     { ZYDIS_MNEMONIC_XSAVEC64, 64 },  { ZYDIS_MNEMONIC_XSAVEOPT, 64 },
	{ ZYDIS_MNEMONIC_XSAVEOPT64, 64 }, { ZYDIS_MNEMONIC_MOVDIR64B, 0 },
};

enum cw_instruction_class x86_class(const struct x86_insn *x) {
	const ZydisDecodedOperand *o = x->operands;

	/* int 0x80 is Linux's own door. */
	if (x->insn.mnemonic == ZYDIS_MNEMONIC_INT && o[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && o[0].imm.value.u == 0x80)
		return CW_INSN_SYSCALL;
	for (size_t i = 0; i < ELEMENTSOF(by_mnemonic); i++)
		if (by_mnemonic[i].id == x->insn.mnemonic)
			return by_mnemonic[i].class_;
	if (x->insn.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED)
		return CW_INSN_PRIVILEGED;
	for (size_t i = 0; i < ELEMENTSOF(by_category); i++)
		if (by_category[i].id == x->insn.meta.category)
			return by_category[i].class_;
	return CW_INSN_OTHER;
}

bool x86_has_no_access(const struct x86_insn *x, const ZydisDecodedOperand *o) {
	ZydisInstructionCategory category = x->insn.meta.category;

	return o->mem.type == ZYDIS_MEMOP_TYPE_AGEN || category == ZYDIS_CATEGORY_NOP ||
	       category == ZYDIS_CATEGORY_WIDENOP || category == ZYDIS_CATEGORY_PREFETCH ||
	       category == ZYDIS_CATEGORY_PREFETCHWT1 || category == ZYDIS_CATEGORY_CLDEMOTE ||
	       x->insn.mnemonic == ZYDIS_MNEMONIC_INVLPG;
}

static bool has_class(const ZydisExceptionClass *list, size_t n, ZydisExceptionClass class_) {
	for (size_t i = 0; i < n; i++)
		if (list[i] == class_)
			return true;
	return false;
}

uint32_t x86_alignment(const struct x86_insn *x, uint32_t size) {
	ZydisExceptionClass class_ = x->insn.meta.exception_class;

	for (size_t i = 0; i < ELEMENTSOF(aligned_others); i++)
		if (aligned_others[i].id == x->insn.mnemonic)
			return aligned_others[i].alignment;
	if (size < 16)
		return 0;
	if (has_class(aligned, ELEMENTSOF(aligned), class_))
		return size;
	if (size != 16 || !has_class(aligned_legacy, ELEMENTSOF(aligned_legacy), class_))
		return 0;
	for (size_t i = 0; i < ELEMENTSOF(unaligned); i++)
		if (unaligned[i] == x->insn.mnemonic)
			return 0;
	return size;
}
