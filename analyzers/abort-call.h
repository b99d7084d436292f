/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a call was given, read from the instructions before it: constants (the texts of an assertion, a source
 * position) stand in the code itself, so nothing has to be guessed from registers that are long overwritten. x86-64
 * only; elsewhere nothing is found.
 */
#pragma once

#include <corewatch/analyzer.h>

#define ABORT_CALL_ARGUMENTS 4

/* Integer arguments in order; an argument is known only if it is a constant at the call. */
struct abort_call {
	bool known[ABORT_CALL_ARGUMENTS];
	uint64_t value[ABORT_CALL_ARGUMENTS];
};

/* The constant arguments of the call that returns to `pc`. False: no call there, or the function's start is unknown. */
bool abort_call_arguments(const struct cw_core *core, uint64_t pc, struct abort_call *ret_call);
/* Where the direct call that returns to `pc` goes. False: it is no such call. */
bool abort_call_target(const struct cw_core *core, uint64_t pc, uint64_t *ret_target);
