/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a worker gives up before it looks at the first byte of a core. */
#pragma once

#include "util/macro.h"

struct sandbox {
	bool change_user;
	uint32_t uid, gid;
	uint64_t memory_max;   /* address space, bytes */
	uint64_t cpu_max;      /* seconds */
	uint64_t file_max;     /* bytes of a file that the worker may need to write besides its records, or 0 */
};

/* Closes in, for good. 0, or -errno and *ret_what names the step that failed: then the worker must not go on. */
int sandbox_enter(const struct sandbox *sandbox, const char **ret_what);
