/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the signal analyzer share: the decoded fault, words for it, and the way a claim is made. Private to
 * signal*.c. */
#pragma once

#include <inttypes.h>

#include <corewatch/analyzer.h>

struct decode {
	const struct cw_core *core;
	struct cw_run *run;
	const struct cw_fault *fault;
	const struct cw_frame *frame; /* that faulted, or NULL */
	const struct cw_operand *operand; /* memory operand whose bytes hold the fault's address, or NULL */
	const char
	    *place; /* "poke() (null.c:7)", "strlen() in load() (x.c:3)" or "code at 0x… in libfoo.so"; never NULL */
	const struct cw_variable *variable; /* that the operand's register was taken from, or NULL */
	const char *culprit; /* first function of the program's own, from the fault outwards; or NULL */
};

void decode_init(struct decode *d, const struct cw_core *core, struct cw_run *run);

/* Makes a claim, with all evidence that every decoded signal has: signal, instruction, registers, region, reason. Never
 * NULL. */
struct cw_finding *decode_claim(
    struct decode *d, const char *id, enum cw_confidence confidence, const char *summary_format, ...) CW_PRINTF(4, 5);

/* The frame with that physical index, within folded items too; NULL: not kept. */
const struct cw_frame *decode_frame(const struct cw_core *core, uint32_t index);
/* Its innermost function, inlined ones first; NULL: unknown. */
const char *decode_function(const struct cw_frame *frame);
/* The first function of the program's own at or outside of a physical frame; NULL: none. */
const struct cw_location *decode_culprit(const struct cw_core *core, uint32_t index);
/* d->place; culprit may be NULL. NULL without memory. */
const char *decode_place(const struct decode *d, const struct cw_location *culprit);
/* A function's name short enough for a sentence: arguments of templates and functions are left out of long ones. */
const char *decode_short(const struct cw_core *core, const char *function);
/* A register by any name that operands have, "eax" and "cl" too; 0 or -ENOENT. */
int decode_register(const struct decode *d, const char *name, uint64_t *ret_value);
/* Whether a stack overflow could look like this too: SP at or below the end of its stack, or the address in its guard.
 */
bool decode_near_stack_end(const struct decode *d);
/* Whether a function of this name is among the innermost frames. */
bool decode_has_function(const struct cw_core *core, const char *const *names, size_t n);
/* "wrote to", "read from", "jumped to", "accessed". */
const char *decode_verb(enum cw_access access);
/* "4 bytes above [heap] (0x…-0x…)" and the like, where the address is in no mapping; or the mapping with its
 * permissions. Never NULL. */
const char *decode_region(const struct decode *d);
const char *decode_perm(const struct cw_mapping *mapping);
const char *decode_mapping_name(const struct cw_mapping *mapping);
/* "rax = 0x10", or NULL. */
const char *decode_base(const struct decode *d);

/* How sure a claim about an access can be: whether an operand of the instruction has that address. */
enum cw_confidence decode_proven(const struct decode *d);
/* The culprit's name, or the place. */
const char *decode_who(const struct decode *d);
/* " (rax = 0x10)", or "". */
const char *decode_base_clause(const struct decode *d);
/* Facts: address, access, register, culprit. */
void decode_add_access(const struct decode *d, struct cw_finding *finding);
void decode_suggest_register(const struct decode *d, struct cw_finding *finding, const char *what);

/* What a wild pointer looks like; members may stay NULL but for kind, which is set before. */
struct pointer_hint {
	const char *kind;     /* the fact */
	const char *clause;   /* for the summary */
	const char *evidence;
	const char *advice;
};
/* signal-hint.c */
void hint_find(const struct decode *d, struct pointer_hint *hint);

/* signal-manager.c */
struct decode_manager {
	bool user;             /* a user's manager, not pid 1 */
	bool knows_watchdog;   /* the program's environment is there, and tells whether it has a watchdog */
	int64_t watchdog_usec; /* its time, or -1 */
	uint64_t told_at;      /* where the environment names a user's manager */
};
/* Whether the service manager that started the program sent the signal. */
bool decode_manager(const struct cw_core *core, const struct cw_signal *signal, struct decode_manager *ret_manager);

/* signal-jump.c: the program counter could not be fetched from; the target of a call, jump or return is no address. */
void claim_jump(struct decode *d);
void claim_bad_target(struct decode *d);
/* signal-stack.c: a corrupted stack or frame pointer, an access past a stack's top. false: it is none of these. */
bool claim_stack(struct decode *d);

/* Only what the signal says, in support of an analyzer that already explained the crash. */
void claim_decoded(struct decode *d);
/* signal-memory.c: SIGSEGV and SIGBUS that the CPU caused. */
void claim_memory(struct decode *d);
void claim_privileged(struct decode *d);
/* signal-sent.c: signals that somebody sent, the program itself included. */
void claim_sent(struct decode *d);
