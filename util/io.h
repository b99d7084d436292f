/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole reads and writes: short transfers and EINTR are dealt with here and nowhere else. */
#pragma once

#include <stdio.h>
#include <sys/types.h>

#include "util/macro.h"

/* Reads until length bytes or the end; the count, or -errno. */
ssize_t read_full(int fd, void *buffer, size_t length);
ssize_t pread_full(int fd, void *buffer, size_t length, uint64_t offset);
/* Writes all. 0 or -errno. */
int write_full(int fd, const void *data, size_t length);
/* A whole regular file or stream, at most max bytes (-EFBIG beyond); NUL-terminated for convenience, caller frees. 0 or -errno. */
int read_whole(int fd, size_t max, char **ret_data, size_t *ret_length);
/* The same of a regular file by name, which may be somebody else's: no link is followed, and no FIFO waited for. */
int read_named(int dirfd, const char *name, size_t max, char **ret_data, size_t *ret_length);
/* Replaces dirfd/name by data: temporary file beside it, fsync, rename, fsync of the folder. Nothing is half-written. 0 or -errno. */
int write_atomically(int dirfd, const char *name, const void *data, size_t length, mode_t mode);
/* Closes what open_memstream(3) opened; *text, which it filled, stays the caller's to free. 0 or -ENOMEM. */
int memstream_close(FILE *stream, char *const *text);
