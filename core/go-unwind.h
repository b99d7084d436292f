/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where Go's runtime changes stacks, call frame information cannot follow. Its goroutines have stacks of their own; scheduler, garbage collector and C code
 * run on the thread's (that of g0). The functions that change over are known by name, and what they leave behind is found by the runtime's own structures:
 *
 *   struct g: stack {lo, hi}, 4 words, m, sched {sp, pc, …}           (runtime/runtime2.go; the same since Go 1.5, but for the end of sched)
 *   struct m: g0, …, curg                                             (curg has moved: it is found by what it points to)
 *
 * Nothing of it is believed unless it fits together: g0 and m must point at each other, and SP must lie in g0's stack.
 */
#pragma once

#include "core/unwind-private.h"

enum go_place {
	GO_NONE,        /* nothing special, or no Go */
	GO_END,         /* goroutines and threads begin here: nobody called it */
	GO_THREAD,      /* threads begin here, too, but C code may have called it */
	GO_SWITCH,      /* went from the goroutine's stack to the thread's */
	GO_C_CALL,      /* likewise, to call C; or only aligned the stack, if it was the thread's already */
	GO_CALLBACK,    /* C code called Go: went from the thread's stack to the goroutine's */
	GO_PANIC,       /* put in by a signal handler: the caller is where the fault was, not a return address */
};

/* What the function at this frame's pc is. */
enum go_place go_unwind_place(struct walk *w, struct module *module);
/* Over to the stack that a GO_SWITCH, GO_C_CALL or GO_CALLBACK came from. 0; -ENOENT: there is no goroutine any more, what was before has ended; -ENODATA:
 * its place cannot be told. */
int go_unwind_switch(struct walk *w, struct module *module, enum go_place place, struct step *ret_step);
/* One frame by Go's own table: where a program was stripped of its call frame information. 0, -ENODATA. */
int go_unwind_frame(struct walk *w, struct module *module, struct step *ret_step);
