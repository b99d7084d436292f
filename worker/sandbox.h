/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a worker gives up before it looks at the first byte of a core. Plug-ins are loaded before, and read their
 * options with the rights of whoever started the worker. From then on there are no threads, no other programs, no
 * network, no way to change a file but in the cache folder, and nobody to speak to but through the records.
 */
#pragma once

#include "util/macro.h"

struct sandbox {
	bool change_user;
	uint32_t uid, gid;
	uint64_t memory_max;   /* address space, bytes */
	uint64_t cpu_max;      /* seconds */
	uint64_t file_max;     /* bytes of a file that the worker may need to write besides its records, or 0 */
	bool has_fetched;      /* WORKER_FD_FETCHED is the folder of fetched files: read as all others are */
	bool has_cache;        /* WORKER_FD_CACHE is the cache folder: files may be made, renamed and removed in it */
};

/* As many as there are parts that a kernel may lack. */
#define SANDBOX_WARNINGS_MAX 4

struct sandbox_outcome {
	const char *failed;    /* the step that failed, or NULL */
	const char *warnings[SANDBOX_WARNINGS_MAX]; /* what this kernel lacks; static text */
	size_t n_warnings;
};

/* Closes in, for good. 0, or -errno and ret->failed: then the worker must not go on. ret is written in both cases. */
int sandbox_enter(const struct sandbox *sandbox, struct sandbox_outcome *ret);
