/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A core's bytes as one forward stream, whatever it is packed in: plain, zstd, LZ4 frame or xz, told by magic bytes.
 * Nothing is ever written to disk. The stream borrows the descriptor and never closes it. Formats: RFC 8878,
 * lz4_Frame_format.md, xz-file-format.txt.
 */
#pragma once

#include "util/macro.h"

enum unpack_format { UNPACK_PLAIN, UNPACK_ZSTD, UNPACK_LZ4, UNPACK_XZ };

struct unpack;

/* Reads the magic bytes. 0; -EIO/-errno of read; -ENOMEM. An empty input is a plain stream of no bytes. */
int unpack_new(int fd, struct unpack **ret_unpack);
void unpack_free(struct unpack *unpack);
DEFINE_CLEANUP(struct unpack *, unpack_free);

enum unpack_format unpack_get_format(const struct unpack *unpack);
const char *unpack_format_name(enum unpack_format format);
/* Whether unpack_rewind() can work (a regular file). A plain seekable file can also be read by pread() on the
 * descriptor. */
bool unpack_is_seekable(const struct unpack *unpack);
uint64_t unpack_offset(const struct unpack *unpack); /* unpacked bytes delivered or skipped so far */

/*
 * Reads until length bytes or the end of the data; *ret_length says how many (0: the end).
 * 0; -EBADMSG: the packed data is damaged (bad checksum, garbage: what was delivered before stands; unpack_problem()
 * says what); -ENODATA: the packed data ends early (a cut file); -ENOMEM; -errno of read(). An error met after some
 * bytes is held back: those bytes are delivered with 0, the next call fails with *ret_length 0; unpack_problem() tells
 * already. Errors stay until unpack_rewind(). A regular file is read from its first byte, wherever its offset was.
 */
int unpack_read(struct unpack *unpack, void *buffer, size_t length, size_t *ret_length);
/* Drops length bytes; a plain seekable file seeks. *ret_length says how many were there. Errors as above. */
int unpack_skip(struct unpack *unpack, uint64_t length, uint64_t *ret_length);
/* Back to the first byte. 0 or -ESPIPE. */
int unpack_rewind(struct unpack *unpack);
/* One clause on the last error, or NULL: "zstd: checksum mismatch". Owned by the stream. */
const char *unpack_problem(const struct unpack *unpack);
