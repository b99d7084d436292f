/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One x86 instruction as Zydis decoded it, and what the parts of insn-x86*.c tell each other about it. */
#pragma once

#include <Zydis/Zydis.h>

#include "core/insn-private.h"

struct x86_insn {
	struct insn_builder *b;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

/* insn-x86-text.c: the instruction and an operand in Intel syntax, in the core's arena; NULL without memory. */
const char *x86_text(const struct x86_insn *x);
const char *x86_operand_text(const struct x86_insn *x, const ZydisDecodedOperand *operand);
/* Whether an operand is one that the text has: explicit, or a string instruction's memory and accumulator. */
bool x86_is_shown(const struct x86_insn *x, const ZydisDecodedOperand *operand);
/* The value of an immediate as it is written: a branch's is its target. */
uint64_t x86_immediate(const struct x86_insn *x, const ZydisDecodedOperand *operand);

/* insn-x86-tables.c */
enum cw_instruction_class x86_class(const struct x86_insn *x);
/* lea, nop, prefetch: memory in the text only. */
bool x86_has_no_access(const struct x86_insn *x, const ZydisDecodedOperand *operand);
/* The alignment that a memory operand of that many bytes must have; 0: none. */
uint32_t x86_alignment(const struct x86_insn *x, uint32_t size);
