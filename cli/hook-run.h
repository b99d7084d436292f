/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run of a hook's command: standard input from memory, a few variables, an end after some time. */
#pragma once

#include "util/macro.h"

enum hook_result {
	HOOK_DONE,    /* exit status 0 */
	HOOK_REFUSED, /* exit status 65 (EX_DATAERR): never again with this input */
	HOOK_FAILED,  /* anything else: to be tried again */
};

/*
 * Runs argv (looked for in PATH) with data as its standard input and `variables` ("NAME=value", NULL-terminated) added
 * to our environment, in a process group that is killed after timeout microseconds (UINT64_MAX: never). Standard output
 * and error are ours. *ret_how is for the log, caller frees. 0 or -errno (it could not be started: also for the log).
 */
int hook_run(char *const argv[], char *const variables[], const void *data, size_t length, uint64_t timeout,
             enum hook_result *ret_result, char **ret_how);
