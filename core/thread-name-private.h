/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between thread-name.c and the files that know one language's runtime. */
#pragma once

#include "core/core.h"

/* TASK_COMM_LEN */
#define COMM_BYTES 16u

/* Whether the program has Rust's standard library in it: by its language, or, stripped, by the compilers' names in .comment. */
bool is_rust_program(const struct core *core);
/* The name that Rust's standard library keeps of a thread, cut to what the kernel would keep; NULL if this is no such thread. */
const char *thread_name_rust(struct core *core, const struct cw_thread *thread);
