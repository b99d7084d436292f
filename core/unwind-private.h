/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the unwinder's files share. */
#pragma once

#include "core/cfi.h"
#include "core/unwind.h"

/* Words above SP that are looked at for return addresses: frames larger than 4 KiB without any unwind information are rare. */
#define SCAN_WORDS 512u

/* A walk over one thread's stack. */
struct walk {
	struct core *core;
	struct cw_thread *thread;
	struct unwind_thread *out;
	struct fold *fold;
	uint64_t registers[ARCH_MAX_REGISTERS];
	uint64_t valid;         /* bit set */
	enum cw_trust trust;    /* how this frame was found */
	bool exact;             /* pc is the instruction itself */
	uint32_t index;         /* physical */
	const struct unwind_place *place; /* of this frame, once unwind_step() was called */
	unsigned scans;         /* guesses in all */
	unsigned signal_frames; /* and changes of stack */
};

/* What code at a pc is, and how it is left. `exact`: the pc is the instruction itself; else what is before it is looked at, but for `code` and `shown`. */
struct unwind_place {
	uint64_t pc;
	struct module *module;
	const struct cw_module *shown; /* that the frame is said to be in */
	const struct cfi_row *row;     /* NULL: none */
	bool known, exact;
	bool code;                     /* it is in a mapping that can be executed */
	bool trampoline;               /* of signals, by its bytes */
	bool has_row, has_prologue;    /* row and prologue were looked for */
	uint8_t go;                    /* enum go_place */
	uint8_t prologue;              /* enum arch_prologue */
};

/* Of one pass over all stacks: recursion and pools of threads come to the same few places again and again. By pc; a later one takes the place of an
 * earlier one. */
#define UNWIND_MEMO_SLOTS 256u
struct unwind_memo {
	struct unwind_place places[UNWIND_MEMO_SLOTS];
};

/* From one frame to its caller. */
struct step {
	struct cfi_step next;   /* registers of the caller */
	enum cw_trust trust;    /* of the caller */
	uint64_t cfa;
	bool has_cfa;
	bool outermost;
	bool signal_frame;      /* this frame is a signal frame: next is what was interrupted */
	bool switched;          /* next is on another stack, although this is no signal frame */
	bool exact_caller;      /* next's pc is the instruction itself, not a return address */
	bool exact_self;        /* this pc is no return address after all */
	uint64_t siginfo, ucontext;
	uint64_t alt_low, alt_size;
	const char *reason;     /* why there is no caller, if the step fails */
};

/* 0; -ENODATA: no caller can be told (ret_step->reason); -ENOMEM. */
int unwind_step(struct walk *w, struct step *ret_step);
/* By a scan of the stack: 0 or -ENODATA. */
int unwind_step_scan(struct walk *w, struct step *s);
/* By the frame pointer: 0 or -ENODATA. */
int unwind_step_frame_pointer(struct walk *w, struct step *s);
bool unwind_is_code(const struct core *core, uint64_t address);
/* Whether the bytes before a would-be return address can be a call. Unreadable bytes count as "can be". */
bool unwind_follows_call(struct core *core, uint64_t address);
/* The kernel's trampoline: SP points to what it left there. Recognised by its code, for Go and musl have no CFI for it. */
bool unwind_has_trampoline_code(struct walk *w, uint64_t pc);
/* A code pointer without its authentication code, only where that makes it one that could be right. */
uint64_t unwind_strip_code(const struct core *core, uint64_t pc);
/* Whether something can have been called from there: it is code, and the bytes before it can be a call (or cannot be read). */
bool unwind_is_return_address(struct core *core, uint64_t address);
