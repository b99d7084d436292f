/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What insn.c gives to the file that knows one CPU's operands. Private to insn*.c. */
#pragma once

#include <capstone/capstone.h>

#include "core/insn.h"

struct insn_builder {
	struct core *core;
	csh handle;
	const cs_insn *insn; /* with detail */
	const uint64_t *registers; /* or NULL: no addresses */
	struct cw_instruction *out;
};

/* Appends an operand; NULL when there are CW_MAX_OPERANDS or no memory is left. */
struct cw_operand *insn_add_operand(struct insn_builder *b, const char *text);
/* A register by the arch's own name. false: none such, or no registers at hand. */
bool insn_register(const struct insn_builder *b, const char *name, uint64_t *ret_value);

/* Fills class, alignment and operands. 0 or -ENOMEM. */
int insn_fill_x86(struct insn_builder *b);
int insn_fill_aarch64(struct insn_builder *b);

/* insn-x86-tables.c. The n-th explicit operand's access, if it is memory. */
enum cw_access insn_x86_access(const struct insn_builder *b, unsigned n);
/* The alignment that an explicit memory operand of that size must have; 0: none. */
uint32_t insn_x86_alignment(const struct insn_builder *b, uint32_t size);
enum cw_instruction_class insn_x86_class(const struct insn_builder *b);
/* lea, nop, prefetch: memory in the text only. */
bool insn_x86_has_no_access(const struct insn_builder *b);
