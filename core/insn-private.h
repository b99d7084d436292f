/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What insn.c gives to the files that know one CPU's instructions. Private to insn*.c. */
#pragma once

#include "core/insn.h"

struct insn_builder {
	struct core *core;
	const uint64_t *registers; /* or NULL: no addresses */
	struct cw_instruction *out; /* address is set */
};

/* One CPU's decoder. */
struct insn_arch {
	enum cw_arch id;
	/* 0, -ENOMEM, or -EOPNOTSUPP: its library is not there. */
	int (*open)(const struct arch *arch, void **ret_state);
	void (*close)(void *state);
	/* Fills length, text, class, alignment and operands. false: no instruction, or no memory. */
	bool (*decode)(void *state, struct insn_builder *b, const uint8_t *bytes, size_t n);
};

extern const struct insn_arch insn_arch_x86_64, insn_arch_i386, insn_arch_aarch64;

/* Appends an operand; NULL when there are CW_MAX_OPERANDS or text is NULL (no memory). */
struct cw_operand *insn_add_operand(struct insn_builder *b, const char *text);
/* A register by the arch's own name. false: none such, or no registers at hand. */
bool insn_register(const struct insn_builder *b, const char *name, uint64_t *ret_value);
