/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the three files of the stack-overflow analyzer share. */
#pragma once

#include <corewatch/analyzer.h>

#include "words.h"

/* A rule that fired: that the thread ran out of stack, and how sure that is. */
struct overflow {
	enum cw_confidence confidence;
	const char *rule;          /* which one, for the evidence */
	bool blocked;              /* a main stack that could not grow to its limit: another mapping lies below */
	uint64_t stack_bytes;      /* size of the stack */
	uint64_t used_bytes;       /* high - SP; may be more than the stack */
};

/* A return address that stands on the stack in step: `turns` times, every `step` bytes from `at` up. */
struct overflow_repeat {
	uint64_t address, at, step, turns;
};

enum overflow_kind { OVERFLOW_RECURSION, OVERFLOW_LARGE_FRAME, OVERFLOW_DEEP_CHAIN, OVERFLOW_SIGNAL_DELIVERY };

/* How it came to it: who took the stack, and whom to change. */
struct overflow_story {
	enum overflow_kind kind;
	const char *culprit;        /* name without arguments; or NULL */
	const char *where;          /* "f()", or "the code at 0x… in prog"; or NULL */
	const char *place;          /* "prog+0x…", for a culprit without a name; or NULL */
	const char *recursing;      /* recursion that the culprit only called into: of a library; or NULL */
	bool by_code;               /* recursion is known by the function's code, not by frames */
	struct overflow_repeat repeat; /* recursion is known by that; turns is 0: it is not */
	bool unseen;                /* the core does not hold most of the stack */
	uint64_t reserved;          /* bytes at the top of a thread's stack that no frame can have: static TLS, struct pthread */
	const struct cw_stack_part *tls; /* of these the static TLS, or NULL */
	const struct cw_frame *culprit_frame; /* or NULL */
	uint64_t culprit_bytes;     /* its frame; of one turn for a recursion */
	uint64_t turns;             /* recursion */
	uint64_t largest_bytes;     /* of all frames on this stack */
	const char *largest;
	bool wanted;                /* the innermost frame is larger than its CFA shows: its prologue asks for wanted_bytes */
	uint64_t wanted_bytes;
	uint64_t frames, accounted; /* of the stack at the fault: frames as a debugger counts them (inlined ones too), bytes of all of them */
	const char *language;       /* of the culprit's module, or NULL */
	int optimized;              /* 1, 0, -1 */
};

bool overflow_detect(const struct cw_core *core, struct overflow *ret_overflow);
void overflow_explain(const struct cw_core *core, const struct overflow *overflow, struct overflow_story *ret_story);
void overflow_suggest(const struct cw_core *core, const struct overflow *overflow, const struct overflow_story *story, struct cw_finding *finding);

/* Code of the system or of a language's runtime: nobody's own function to change. */
bool is_runtime_frame(const struct cw_frame *frame);

/* stack-overflow-repeat.c. Recursion that took at least half of the stack, without frames. */
bool overflow_find_repeat(const struct cw_core *core, uint64_t used_bytes, struct overflow_repeat *ret_repeat);

/* stack-overflow-code.c. The bytes that the prologue of a frame's function asks for; 0: few, or unknown. */
uint64_t overflow_wanted_bytes(const struct cw_core *core, const struct cw_frame *frame);
/* Whether the function around a pc takes room on the stack, before it, whose size it computes (alloca, variable-length arrays). */
bool overflow_has_variable_frame(const struct cw_core *core, uint64_t pc);
/* Whether a function can get back to itself by direct calls. */
bool overflow_calls_itself(const struct cw_core *core, const struct cw_symbol *symbol);
