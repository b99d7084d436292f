/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What unpack.c asks of one packed format. Private to unpack*.c.
 *
 * A backend is a pure decoder: it sees bytes, never a descriptor. unpack.c owns all buffers, the reading, and the
 * memory of the last error.
 */
#pragma once

#include "core/unpack.h"

/*
 * No backend may take more than this for its window or dictionary, whatever the file asks for: the worker lives under
 * RLIMIT_AS, and 128 MiB is what the format's own tools take without being told (zstd's default limit is 2^27; xz -9
 * needs 65 MiB).
 */
#define UNPACK_MEMORY_LOG 27
#define UNPACK_MEMORY_MAX (UINT64_C(1) << UNPACK_MEMORY_LOG)

struct unpack_in {
	const uint8_t *data;
	size_t left;
	bool end; /* nothing will follow these bytes */
};

struct unpack_out {
	uint8_t *data;
	size_t left;
};

struct unpack_backend {
	enum unpack_format format;
	const uint8_t *magic;
	size_t magic_length;
	/* 0, -ENOMEM, or -ENOPKG where the library is missing. */
	int (*open)(void **ret_state);
	void (*close)(void *state);
	/*
	 * Consumes from in, produces into out, as far as both go; *ret_border: between two frames, where the data may
	 * end. 0 (no progress at all: more input is needed), -EBADMSG with *ret_problem a static clause, or -ENOMEM.
	 */
	int (*decode)(
	    void *state, struct unpack_in *in, struct unpack_out *out, bool *ret_border, const char **ret_problem);
};

extern const struct unpack_backend unpack_zstd, unpack_zstd_skippable, unpack_lz4, unpack_xz;
