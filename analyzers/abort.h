/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the abort-message analyzer share. Private to abort*.c. */
#pragma once

#include "words.h"

/* Why a C library, GLib or libstdc++ aborted, as far as it said so. */
struct abort_reason {
	const struct words_stack *stack;
	const char *message; /* what it left in memory; or NULL */
	const char *source;  /* the variable that held it, for the evidence; or NULL */
	uint64_t message_at;
	size_t checker;      /* frame that found fault and called abort(); stack->n if none is known by name */
	bool called_abort;   /* abort() is on the stack */
	bool own_abort;      /* and was called by code that is no C library's */
};

/* The text that the C library or GLib keeps of its last words. */
void abort_find_message(struct abort_reason *reason);

/* abort-assert.c: assertions of C, GLib and libstdc++. False: it was none. */
bool abort_claim_assertion(const struct abort_reason *reason, struct cw_run *run);

/* Evidence that every claim has: the message and the frame that aborted. */
void abort_add_evidence(const struct abort_reason *reason, struct cw_finding *finding);
