/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unwinding every thread, with no cap on depth: recursion is folded while it is walked, so that memory does not grow with it.
 *
 * In this order: call frame information (.eh_frame, .debug_frame, the vdso's), the signal trampoline's saved registers, the return address at SP where the
 * pc itself is nowhere (a call through a bad pointer), the frame pointer, and last a scan of the stack for return addresses. Each frame says which (trust).
 */
#pragma once

#include "core/core.h"

/* Frames kept as items before the middle of a stack that will not fold is dropped (exact counts and bytes are kept all the same). */
#define UNWIND_ITEMS_MAX 16384u
#define UNWIND_TAIL_ITEMS 1024u
/* Longest cycle that is folded. Mutual recursion through interpreters has been seen with 40 frames a turn. */
#define UNWIND_CYCLE_MAX 64u
/* Signal frames of one thread that are remembered: a handler in a handler in a handler is rare. */
#define UNWIND_SIGNALS_MAX 8u

/* One physical frame on its way into the fold. */
struct raw_frame {
	uint64_t pc, cfa;
	int64_t bytes;
	enum cw_trust trust;
	bool has_cfa, signal_frame, exact_pc;
	const struct cw_module *module; /* NULL: none */
};

/* Frames by pc, exact over all physical frames. */
struct pc_use {
	uint64_t pc;
	bool exact;
	uint64_t count, bytes, largest;
};

/* A stretch of one stack: a new one begins behind each signal frame and wherever stacks switch. */
struct stack_segment {
	uint32_t first_frame;
	bool sized;              /* it has a frame of known size: then the next three say something */
	uint64_t low, high;      /* SP of the first such frame, CFA of the last */
	uint64_t bytes;          /* of all of them: high - low, if none in between is unknown */
	struct pc_use *uses;     /* open hash, then compacted */
	size_t n_uses, allocated;
};

#define UNWIND_SEGMENTS_MAX (2 * UNWIND_SIGNALS_MAX + 2)

/* In the core's arena. */
struct unwind_thread {
	struct stack_segment *segments;
	size_t n_segments;
	struct signal_context *signals;
	size_t n_signals;
};

/* Before the first thread, and again when more memory has come: what was found out about code is forgotten. 0 or -ENOMEM. */
int unwind_begin(struct core *core);
/* Unwinds thread i: frames, frame_count, complete, stop_reason of the thread; core->unwound[i]. Signal contexts of the crashed thread go to the core. 0 or -ENOMEM. */
int unwind_thread(struct core *core, size_t i);

/* The fold: see fold.c. */
struct fold;
int fold_new(struct core *core, struct fold **ret_fold);
void fold_free(struct fold *fold);
DEFINE_CLEANUP(struct fold *, fold_free);
int fold_add(struct fold *fold, const struct raw_frame *frame);
int fold_finish(struct fold *fold, struct cw_thread *thread);

/* Accounting: see account.c. */
int segment_add(struct core *core, struct stack_segment *segment, const struct raw_frame *frame);
/* What account_thread() found of other threads of the core; zeroed before the first. */
struct account_memo {
	struct account {
		const struct stack_segment *segment;
		const struct cw_function_use *functions;
		size_t n_functions;
	} last[8];
	size_t n;                /* ever found */
};
/* After symbols: thread->functions from the segment that holds physical frame `frame`, and thread->cycle from the items of that segment. Threads with equal
 * frames share one array of functions. */
int account_thread(struct core *core, struct account_memo *memo, size_t i, uint32_t frame);
