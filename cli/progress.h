/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far a worker is with its core: one line on standard error, where that is a terminal and it takes over a second. */
#pragma once

#include "util/macro.h"

struct progress {
	const char *name;
	int fd;         /* the core: the worker reads it by the same file offset; -EBADF: nothing is to be shown */
	uint64_t bytes; /* its size; 0 unknown */
	uint64_t started, shown; /* monotonic microseconds; 0 not yet */
	bool is_visible;
};

void progress_begin(struct progress *progress, const char *name, int fd, bool quiet);
/* Microseconds until it wants to be called again; UINT64_MAX: never. */
uint64_t progress_tick(struct progress *progress, uint64_t now);
/* Takes the line away. */
void progress_end(struct progress *progress);
