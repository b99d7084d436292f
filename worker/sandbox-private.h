/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files of the sandbox: sandbox.c has the order, the others one lock each. */
#pragma once

#include "worker/sandbox.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
/*
 * Sanitizers reserve terabytes of address space, look for leaks from a process of their own that attaches to this one,
 * and tell what they find on standard error. Builds with them are for tests.
 */
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Stands in the prepared filter for the worker's own process id. Nothing else in it is that large. */
#define SANDBOX_PID 0x7c0decafu

/* One step: 0, or -errno. What the kernel does not have is 0 with a warning. */
typedef int sandbox_step(const struct sandbox *sandbox, struct sandbox_outcome *outcome);

sandbox_step sandbox_files; /* Landlock */
sandbox_step sandbox_calls; /* seccomp */

/* text: static. */
void sandbox_warn(struct sandbox_outcome *outcome, const char *text);
