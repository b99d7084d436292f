/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the go-runtime analyzer share. Private to go*.c. */
#pragma once

#include "words.h"

/* The goroutine that a thread of Go's was running, as far as the runtime's own data could be verified. */
struct go_state {
	uint64_t g0;          /* the thread's own goroutine, which runs the scheduler and C code; 0: not found */
	uint64_t curg;        /* the user's; 0: none or not found */
	uint64_t stack_bytes; /* of curg; 0: unknown */
	const char *panic;    /* what was given to panic(), if it is text by now; or NULL */
	const char
	    *thrown; /* what was given to runtime.throw(), if that was called on the goroutine's stack; or NULL */
	const struct cw_symbol
	    *function; /* the first on the goroutine's own stack that is not the runtime's; or NULL */
};

/* A signal that the runtime took as a fault of the program's. */
struct go_signal {
	uint32_t number;
	uint64_t code, address, pc;
};

/* go-signal.c. Claims that another process's signal ended the program, if that is what the stacks show. */
bool go_claim_asked(const struct cw_core *core, struct cw_run *run);
/* False: not found, or not as it should be. */
bool go_find_state(const struct cw_core *core, const struct cw_thread *thread, struct go_state *ret_state);
/* What the runtime noted of the signal that hit at pc. False: nothing. */
bool go_find_signal(
    const struct cw_core *core, const struct go_state *state, uint64_t pc, struct go_signal *ret_signal);
/* The text given to runtime.throw(), from its frame's bytes. NULL: not found. */
const char *go_find_throw_text(const struct cw_core *core, uint64_t low, uint64_t high);
