/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What single x86 instructions do, where capstone does not tell: whether an operand is read or written, classes,
 * alignment.
 *
 * capstone 4 knows operands and sizes well, but which of them is read or written often not (movups, setcc, rol and vmov
 * to memory are "read"), so that is decided here: the first operand in Intel's order is written, unless it stands in
 * read_first[]. Read-modify-write counts as a write, because that is what the page fault says.
 * Source: Intel SDM volume 2; alignment: volume 1, 4.1.1, and the exception classes of volume 2, 2.7.
 */
#include "core/insn-private.h"

static const x86_insn read_first[] = {
	X86_INS_CMP, X86_INS_TEST, X86_INS_BT, X86_INS_PUSH, X86_INS_CALL, X86_INS_LCALL, X86_INS_JMP, X86_INS_LJMP,
	X86_INS_MUL, X86_INS_IMUL, X86_INS_DIV, X86_INS_IDIV, X86_INS_CMPSB, X86_INS_CMPSW, X86_INS_CMPSD,
	X86_INS_CMPSQ, X86_INS_LDMXCSR, X86_INS_VLDMXCSR, X86_INS_CLFLUSH, X86_INS_CLFLUSHOPT, X86_INS_LGDT,
	X86_INS_LIDT, X86_INS_LLDT, X86_INS_LTR, X86_INS_LMSW, X86_INS_VERR, X86_INS_VERW, X86_INS_FADD,
	X86_INS_FIADD, X86_INS_FCOM, X86_INS_FCOMP, X86_INS_FDIV, X86_INS_FDIVR, X86_INS_FIDIV, X86_INS_FIDIVR,
	X86_INS_FBLD, X86_INS_FICOM, X86_INS_FICOMP, X86_INS_FLDCW, X86_INS_FLDENV, X86_INS_FILD, X86_INS_FLD,
	X86_INS_FMUL, X86_INS_FIMUL, X86_INS_FRSTOR, X86_INS_FSUB, X86_INS_FSUBR, X86_INS_FISUB, X86_INS_FISUBR,
	X86_INS_FXRSTOR, X86_INS_FXRSTOR64, X86_INS_XRSTOR, X86_INS_XRSTOR64,
};

/* A memory operand that is not accessed, or that cannot fault. */
static const x86_insn no_access[] = {
	X86_INS_LEA, X86_INS_NOP, X86_INS_PREFETCH, X86_INS_PREFETCHNTA, X86_INS_PREFETCHT0, X86_INS_PREFETCHT1,
	X86_INS_PREFETCHT2, X86_INS_PREFETCHW, X86_INS_INVLPG,
};

static const struct {
	x86_insn id;
	enum cw_instruction_class class_;
} classes[] = {
	{ X86_INS_PUSH, CW_INSN_PUSH }, { X86_INS_PUSHF, CW_INSN_PUSH }, { X86_INS_PUSHFD, CW_INSN_PUSH },
	{ X86_INS_PUSHFQ, CW_INSN_PUSH }, { X86_INS_PUSHAW, CW_INSN_PUSH }, { X86_INS_PUSHAL, CW_INSN_PUSH },
	{ X86_INS_ENTER, CW_INSN_PUSH }, { X86_INS_POP, CW_INSN_POP }, { X86_INS_POPF, CW_INSN_POP },
	{ X86_INS_POPFD, CW_INSN_POP }, { X86_INS_POPFQ, CW_INSN_POP }, { X86_INS_POPAW, CW_INSN_POP },
	{ X86_INS_POPAL, CW_INSN_POP }, { X86_INS_LEAVE, CW_INSN_POP }, { X86_INS_DIV, CW_INSN_DIVIDE },
	{ X86_INS_IDIV, CW_INSN_DIVIDE }, { X86_INS_INT3, CW_INSN_TRAP }, { X86_INS_INT, CW_INSN_TRAP },
	{ X86_INS_INT1, CW_INSN_TRAP }, { X86_INS_UD2, CW_INSN_UNDEFINED }, { X86_INS_UD2B, CW_INSN_UNDEFINED },
	{ X86_INS_UD0, CW_INSN_UNDEFINED }, { X86_INS_SYSCALL, CW_INSN_SYSCALL },
	{ X86_INS_SYSENTER, CW_INSN_SYSCALL },
};

/* Those that raise a general protection fault outside the kernel; in and out too, without I/O privileges. */
static const x86_insn privileged[] = {
	X86_INS_HLT, X86_INS_CLI, X86_INS_STI, X86_INS_IN, X86_INS_OUT, X86_INS_INSB, X86_INS_INSW, X86_INS_INSD,
	X86_INS_OUTSB, X86_INS_OUTSW, X86_INS_OUTSD, X86_INS_LGDT, X86_INS_LIDT, X86_INS_LLDT, X86_INS_LTR,
	X86_INS_LMSW, X86_INS_CLTS, X86_INS_INVD, X86_INS_WBINVD, X86_INS_INVLPG, X86_INS_INVPCID, X86_INS_RDMSR,
	X86_INS_WRMSR, X86_INS_RDPMC, X86_INS_SWAPGS, X86_INS_SYSRET, X86_INS_SYSEXIT, X86_INS_XSETBV,
};

/* The forms that demand alignment by their name, legacy and VEX alike; to the operand's own size. */
static const x86_insn aligned_by_name[] = {
	X86_INS_MOVAPS, X86_INS_MOVAPD, X86_INS_MOVDQA, X86_INS_MOVNTPS, X86_INS_MOVNTPD, X86_INS_MOVNTDQ,
	X86_INS_MOVNTDQA, X86_INS_VMOVAPS, X86_INS_VMOVAPD, X86_INS_VMOVDQA, X86_INS_VMOVDQA32, X86_INS_VMOVDQA64,
	X86_INS_VMOVNTPS, X86_INS_VMOVNTPD, X86_INS_VMOVNTDQ, X86_INS_VMOVNTDQA,
};

/* Legacy SSE with 16 bytes of memory wants them aligned, except these. */
static const x86_insn unaligned_sse[] = {
	X86_INS_MOVUPS, X86_INS_MOVUPD, X86_INS_MOVDQU, X86_INS_LDDQU, X86_INS_PCMPESTRI, X86_INS_PCMPESTRM,
	X86_INS_PCMPISTRI, X86_INS_PCMPISTRM,
};

static const uint8_t sse_groups[] = {
	X86_GRP_SSE1, X86_GRP_SSE2, X86_GRP_SSE3, X86_GRP_SSE41, X86_GRP_SSE42, X86_GRP_SSSE3, X86_GRP_AES,
	X86_GRP_PCLMUL, X86_GRP_SHA,
};

/* Not SIMD, and aligned all the same. */
static const struct {
	x86_insn id;
	uint8_t alignment;
} aligned_others[] = {
	{ X86_INS_CMPXCHG16B, 16 }, { X86_INS_FXSAVE, 16 }, { X86_INS_FXSAVE64, 16 }, { X86_INS_FXRSTOR, 16 },
	{ X86_INS_FXRSTOR64, 16 }, { X86_INS_XSAVE, 64 }, { X86_INS_XSAVE64, 64 }, { X86_INS_XRSTOR, 64 },
	{ X86_INS_XRSTOR64, 64 }, { X86_INS_XSAVEC, 64 },
};

static bool listed(const x86_insn *list, size_t n, unsigned id) {
	for (size_t i = 0; i < n; i++)
		if ((unsigned)list[i] == id)
			return true;
	return false;
}
#define LISTED(list, id) listed(list, ELEMENTSOF(list), id)

static bool in_group(const struct insn_builder *b, unsigned group) {
	return cs_insn_group(b->handle, b->insn, group);
}

enum cw_access insn_x86_access(const struct insn_builder *b, unsigned n) {
	unsigned id = b->insn->id;

	if (id == X86_INS_XCHG || id == X86_INS_XADD)
		return CW_ACCESS_WRITE;
	return n == 0 && !LISTED(read_first, id) ? CW_ACCESS_WRITE : CW_ACCESS_READ;
}

uint32_t insn_x86_alignment(const struct insn_builder *b, uint32_t size) {
	unsigned id = b->insn->id;

	for (size_t i = 0; i < ELEMENTSOF(aligned_others); i++)
		if ((unsigned)aligned_others[i].id == id)
			return aligned_others[i].alignment;
	if (size < 16)
		return 0;
	if (LISTED(aligned_by_name, id))
		return size;
	/* VEX and EVEX forms (all begin with v) want no alignment otherwise. */
	if (size != 16 || b->insn->mnemonic[0] == 'v' || LISTED(unaligned_sse, id))
		return 0;
	for (size_t i = 0; i < ELEMENTSOF(sse_groups); i++)
		if (in_group(b, sse_groups[i]))
			return size;
	return 0;
}

enum cw_instruction_class insn_x86_class(const struct insn_builder *b) {
	const cs_x86 *x86 = &b->insn->detail->x86;

	for (size_t i = 0; i < ELEMENTSOF(classes); i++)
		if ((unsigned)classes[i].id == b->insn->id) {
			/* int 0x80 is Linux's own door. */
			if (b->insn->id == X86_INS_INT && x86->op_count == 1 && (x86->operands[0].imm & 0xff) == 0x80)
				return CW_INSN_SYSCALL;
			return classes[i].class_;
		}
	if (LISTED(privileged, b->insn->id))
		return CW_INSN_PRIVILEGED;
	for (unsigned i = 0; i < x86->op_count; i++)
		if (x86->operands[i].type == X86_OP_REG && x86->operands[i].reg >= X86_REG_CR0 &&
		    x86->operands[i].reg <= X86_REG_DR15)
			return CW_INSN_PRIVILEGED;
	if (in_group(b, X86_GRP_CALL))
		return CW_INSN_CALL;
	if (in_group(b, X86_GRP_RET) || in_group(b, X86_GRP_IRET))
		return CW_INSN_RET;
	return in_group(b, X86_GRP_JUMP) ? CW_INSN_JUMP : CW_INSN_OTHER;
}

bool insn_x86_has_no_access(const struct insn_builder *b) {
	return LISTED(no_access, b->insn->id);
}
