/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One packed debug section as a stream of bytes, so that what is wanted of it can be picked out as it flows by and the
 * rest never touches memory: of the 270 MB of a large C++ program's .debug_info a crash needs one or two.
 *
 * ISA-L inflates, since libdeflate gives whole buffers only; without ISA-L there are no streams of zlib sections. A
 * stream that is left early has not been checked against its checksum. Formats: RFC 1950, RFC 8878.
 */
#pragma once

#include "util/macro.h"

enum section_packing { SECTION_PLAIN, SECTION_ZLIB, SECTION_ZSTD };

struct section_stream;

/*
 * Borrows packed until the stream is freed. fd and offset: the file that holds these bytes and where, which is then
 * read instead of the mapping, or -EBADF. 0, -EOPNOTSUPP: not built for this packing; -ENOMEM. Free with
 * section_stream_free().
 */
int section_stream_new(enum section_packing packing, const uint8_t *packed, size_t packed_size, int fd, uint64_t offset,
		       struct section_stream **ret_stream);
/* The next bytes, at most 256 KiB, valid until the next call. Their number; 0 at the end; -EBADMSG: damaged; -errno. */
ssize_t section_stream_next(struct section_stream *stream, const uint8_t **ret_bytes);
void section_stream_free(struct section_stream *stream);
DEFINE_CLEANUP(struct section_stream *, section_stream_free);

/*
 * Copies the bytes [offset, offset + size) to `to`, reading on from where the stream is; offset must not lie before
 * section_stream_at(). 0, -EBADMSG (damaged, or it ends before), -errno.
 */
int section_stream_read(struct section_stream *stream, uint64_t offset, uint8_t *to, size_t size);
uint64_t section_stream_at(const struct section_stream *stream);
