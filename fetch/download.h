/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking debuginfod servers for files by build-id, by libdebuginfod(3), with an end to it. */
#pragma once

#include "util/fetched.h"

struct download;

struct download_limits {
	int connection;     /* where nobody listens any more, nothing goes on; -EBADF: none */
	const char *urls;   /* separated by blanks */
	const char *folder; /* for what is being downloaded; empty at the start */
	uint64_t time_max;  /* seconds, for all files together */
	uint64_t file_max;  /* bytes */
};

/* Sets the environment that the library reads: one at a time. 0 or -ENOMEM. */
int download_new(const struct download_limits *limits, struct download **ret_download);
void download_free(struct download *download);
DEFINE_CLEANUP(struct download *, download_free);

/* Whether there is time for one more file, and somebody who wants it. */
bool download_may_go_on(const struct download *download);
/*
 * Downloads one file. Its descriptor, for reading, and its path in the folder; caller closes and frees. -ENOENT: the
 * servers that answered do not have it. -ETIME, -EFBIG and others: nobody knows. Nothing is verified here.
 */
int download_file(struct download *download, enum fetched_kind kind, const char *id, char **ret_path);
