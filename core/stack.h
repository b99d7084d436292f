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
