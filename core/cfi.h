/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Call frame information: for a pc, how to find the caller's registers. Read by libdw (.eh_frame, then .debug_frame), compiled once per pc into a row that
 * is cheap to apply: recursion and two hundred threads look the same few pcs up again and again.
 */
#pragma once

#include <elfutils/libdw.h>

#include "core/core.h"

enum cfi_rule_kind {
	CFI_SAME,
	CFI_UNDEFINED,
	CFI_OFFSET,          /* saved at CFA + offset */
	CFI_VALUE_OFFSET,    /* is CFA + offset */
	CFI_REGISTER,        /* is in register `offset` */
	CFI_EXPRESSION,      /* saved at what ops compute */
	CFI_VALUE_EXPRESSION,
};

struct cfi_rule {
	enum cfi_rule_kind kind;
	int64_t offset;
	const Dwarf_Op *ops;
	size_t n_ops;
};

struct cfi_row {
	struct cfi_rule cfa;     /* CFI_REGISTER-like: base register in cfa_register, offset; or CFI_VALUE_EXPRESSION */
	unsigned cfa_register;
	unsigned ra_column;
	bool signal_frame;
	bool outermost;          /* nobody called: the return address is undefined */
	uint64_t same;           /* registers that the caller has as they are, bit set */
	size_t n_rules;          /* of the others that are known */
	struct cfi_register_rule {
		unsigned reg;
		struct cfi_rule rule;
	} rules[];
};

/* The row for a runtime address, in the core's arena. NULL: no call frame information there. */
const struct cfi_row *cfi_find_row(struct core *core, struct module *module, uint64_t address);
void cfi_free(struct cfi *cfi);

/* The registers of a caller, in the arch's order: those whose bit is set in `valid`. */
struct cfi_step {
	uint64_t registers[ARCH_MAX_REGISTERS];
	uint64_t valid;
	uint64_t cfa;
	bool outermost;  /* the row says that there is no caller */
	uint64_t failed; /* the address that could not be read; 0: none */
};
/* Applies a row to the registers of this frame, which must not be those of `step`. 0; -EFAULT: memory that it needs is not there; -EINVAL: nonsense. Of a step
 * that failed only cfa (0: unknown) and failed are valid. */
int cfi_apply(struct core *core, const struct cfi_row *row, const uint64_t *registers, uint64_t valid, struct cfi_step *step);
