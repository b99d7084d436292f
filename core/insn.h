/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One instruction decoded (capstone): text, class, and every memory access, the implicit ones of push, call, ret and
 * string instructions among them. */
#pragma once

#include "core/core.h"

/* 0, -ENOMEM, or -EOPNOTSUPP: the library was built without this architecture. */
int insn_decoder_new(struct core *core, struct insn_decoder **ret_decoder);
void insn_decoder_free(struct insn_decoder *decoder);

/* Decodes the instruction at address out of the process's memory or the file behind it. registers may be NULL. Result
 * in the arena. NULL: no bytes there, or no instruction. */
const struct cw_instruction *insn_decode(struct core *core, uint64_t address, const uint64_t *registers);

/* A register by the name that operands' texts have, the narrow names of whole registers too. false: none such. */
bool insn_register_value(struct core *core, const uint64_t *registers, const char *name, uint64_t *ret_value);
