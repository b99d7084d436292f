/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See section-stream.h. */
#include "core/section-stream.h"

#if HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include "core/zstd-library.h"
#include "util/io.h"

/* Both stay in the second-level cache of any machine of the last ten years. */
#define INPUT_BYTES KIB(64)
#define OUTPUT_BYTES KIB(128)
/* Up to here packed bytes are taken from where the file is mapped: the pages count as ours then, but are not copied. */
#define MAPPED_MAX MIB(3)

struct section_stream {
	enum section_packing packing;
	const uint8_t *packed; /* what is left, if fd is -EBADF */
	size_t left;           /* packed bytes not yet read */
	int fd;
	uint64_t file_at;
	uint64_t at;           /* in the section: of the first byte of rest */
	const uint8_t *rest;   /* bytes that section_stream_read() has not used yet */
	size_t n_rest;
	bool ended;
	ZSTD_DStream *zstd;
	ZSTD_inBuffer zstd_in;
#if HAVE_ISAL
	struct inflate_state isal;
#endif
	uint8_t input[INPUT_BYTES], output[OUTPUT_BYTES];
};

#if HAVE_ISAL
static struct {
	typeof(isal_inflate_init) *inflate_init;
	typeof(isal_inflate) *inflate;
} isal;

static int load_isal(void) {
	static const struct library_function functions[] = {
		{ "isal_inflate_init", &isal.inflate_init },
		{ "isal_inflate", &isal.inflate },
	};
	static struct library library = LIBRARY(ISAL_SONAME, functions);

	return library_load(&library);
}

static int open_zlib(struct section_stream *s) {
	int r = load_isal();

	if (r < 0)
		return -EOPNOTSUPP;
	isal.inflate_init(&s->isal);
	s->isal.crc_flag = ISAL_ZLIB;
	return 0;
}
#else
static int open_zlib(struct section_stream *s) {
	(void)s;
	return -EOPNOTSUPP;
}
#endif

static int open_zstd(struct section_stream *s) {
	if (zstd_load() < 0)
		return -EOPNOTSUPP;
	s->zstd = zstd.createDStream();
	return s->zstd ? 0 : -ENOMEM;
}

int section_stream_new(enum section_packing packing, const uint8_t *packed, size_t packed_size, int fd, uint64_t offset,
		       struct section_stream **ret_stream) {
	_cleanup_(section_stream_freep) struct section_stream *s = malloc(sizeof(*s));
	int r = 0;

	if (!s)
		return -ENOMEM;
	/* Not its buffers, which are large and need no zeroes. */
	memset(s, 0, offsetof(struct section_stream, zstd_in));
	s->zstd_in = (ZSTD_inBuffer){ .src = NULL };
	s->packing = packing;
	s->packed = packed;
	s->left = packed_size;
	s->fd = packed && packed_size <= MAPPED_MAX ? -EBADF : fd;
	s->file_at = offset;
	if (packing == SECTION_ZLIB)
		r = open_zlib(s);
	else if (packing == SECTION_ZSTD)
		r = open_zstd(s);
	if (r < 0)
		return r;
	*ret_stream = take_ptr(s);
	return 0;
}

void section_stream_free(struct section_stream *s) {
	if (!s)
		return;
	if (s->zstd)
		zstd.freeDStream(s->zstd);
	free(s);
}

/* The next packed bytes. 0 at their end, -errno. */
static ssize_t read_packed(struct section_stream *s, const uint8_t **ret_bytes) {
	size_t n = MIN(s->left, (size_t)INPUT_BYTES);
	ssize_t got = (ssize_t)n;

	*ret_bytes = s->packed;
	if (s->fd >= 0 && n > 0) {
		got = pread_full(s->fd, s->input, n, s->file_at);
		if (got < 0)
			return got;
		*ret_bytes = s->input;
	}
	s->packed += got;
	s->file_at += (uint64_t)got;
	s->left = (size_t)got < n ? 0 : s->left - n;
	return got;
}

#if HAVE_ISAL
static ssize_t next_zlib(struct section_stream *s) {
	s->isal.next_out = s->output;
	s->isal.avail_out = OUTPUT_BYTES;
	while (s->isal.avail_out > 0 && s->isal.block_state != ISAL_BLOCK_FINISH) {
		if (s->isal.avail_in == 0) {
			const uint8_t *bytes;
			ssize_t n = read_packed(s, &bytes);

			if (n < 0)
				return n;
			s->isal.next_in = (uint8_t *)(uintptr_t)bytes;
			s->isal.avail_in = (uint32_t)n;
			if (n == 0)
				return -EBADMSG;
		}
		if (isal.inflate(&s->isal) != ISAL_DECOMP_OK)
			return -EBADMSG;
	}
	s->ended = s->isal.block_state == ISAL_BLOCK_FINISH;
	return (ssize_t)(OUTPUT_BYTES - s->isal.avail_out);
}
#else
static ssize_t next_zlib(struct section_stream *s) {
	(void)s;
	return -EOPNOTSUPP;
}
#endif

static ssize_t next_zstd(struct section_stream *s) {
	ZSTD_outBuffer out = { .dst = s->output, .size = OUTPUT_BYTES };

	while (out.pos == 0 && !s->ended) {
		size_t r;

		if (s->zstd_in.pos == s->zstd_in.size) {
			const uint8_t *bytes;
			ssize_t n = read_packed(s, &bytes);

			if (n < 0)
				return n;
			s->zstd_in = (ZSTD_inBuffer){ .src = bytes, .size = (size_t)n };
			if (n == 0)
				return -EBADMSG;
		}
		r = zstd.decompressStream(s->zstd, &out, &s->zstd_in);
		if (zstd.isError(r))
			return -EBADMSG;
		s->ended = r == 0;
	}
	return (ssize_t)out.pos;
}

ssize_t section_stream_next(struct section_stream *s, const uint8_t **ret_bytes) {
	ssize_t n;

	s->at += s->n_rest;
	s->n_rest = 0;
	if (s->ended)
		return 0;
	switch (s->packing) {
	case SECTION_PLAIN:
		n = read_packed(s, &s->rest);
		break;
	case SECTION_ZLIB:
		n = next_zlib(s);
		s->rest = s->output;
		break;
	case SECTION_ZSTD:
	default:
		n = next_zstd(s);
		s->rest = s->output;
		break;
	}
	if (n < 0)
		return n;
	s->n_rest = (size_t)n;
	*ret_bytes = s->rest;
	return n;
}

int section_stream_read(struct section_stream *s, uint64_t offset, uint8_t *to, size_t size) {
	while (size > 0) {
		uint64_t skip = offset - s->at;
		size_t n;

		if (skip < s->n_rest) {
			n = MIN(s->n_rest - (size_t)skip, size);
			memcpy(to, s->rest + skip, n);
			s->rest += skip + n;
			s->n_rest -= (size_t)skip + n;
			s->at += skip + n;
			to += n;
			offset += n;
			size -= n;
		} else {
			const uint8_t *bytes;
			ssize_t r = section_stream_next(s, &bytes);

			if (r <= 0)
				return r < 0 ? (int)r : -EBADMSG;
		}
	}
	return 0;
}

uint64_t section_stream_at(const struct section_stream *s) {
	return s->at;
}
