/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose stack is it, and how far does it reach: bounds of main, pthread (glibc, musl), alternate and user-made stacks.
 * Never "the mapping that holds SP": neighbouring stacks merge into one mapping, and at an overflow SP lies outside of it.
 */
#pragma once

#include "core/core.h"

/* The stack that this thread was on when its stack pointer was sp. altstack (may be NULL): uc_stack of a signal frame of this thread.
 * Always fills ret_stack; has_bounds says whether anything is known. */
struct stack_alt { uint64_t low, size; };
void stack_find_bounds(struct core *core, const struct cw_thread *thread, uint64_t sp, const struct stack_alt *altstack, struct cw_stack *ret_stack);

/* What cw_stack.source says of bounds that the program itself keeps a record of. */
#define STACK_SOURCE_RECORD "the program's own record of it (address and size): a stack that the program made itself"

/* stack-use.c. Accounts for the stack bytes of thread i between SP and the stack's high end: threads[i].use. After
 * unwinding, bounds and symbols. 0 or -ENOMEM. */
int stack_account(struct core *core, size_t i);

/* stack-record.c. The highest CFA of the thread's frames within (low, high]; 0: none. */
uint64_t stack_top_frame(const struct cw_thread *thread, uint64_t low, uint64_t high);
/* The program's record of a stack that begins at, or a little above, top: ucontext_t's uc_stack and the like. */
bool stack_find_record(struct core *core, uint64_t top, struct stack_alt *ret_record);
