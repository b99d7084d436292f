/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * zstd for unpack.c: any number of frames, skippable ones among them, checksums honoured. Format: RFC 8878.
 *
 * Skippable frames have the same magic in zstd and LZ4; a file that begins with one (pzstd makes such) is taken for
 * zstd.
 */
#include "core/unpack-backend.h"
#include "core/zstd-library.h"

struct zstd_state {
	ZSTD_DStream *stream;
	size_t wanted; /* input for the next block, as the library says */
	bool border;
};

static void zstd_close(void *p) {
	struct zstd_state *state = p;

	zstd.freeDStream(state->stream);
	free(state);
}

static int zstd_open(void **ret_state) {
	struct zstd_state *state;
	int r = zstd_load();

	if (r < 0)
		return r;
	state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	state->stream = zstd.createDStream();
	if (!state->stream ||
	    zstd.isError(zstd.DCtx_setParameter(state->stream, ZSTD_d_windowLogMax, UNPACK_MEMORY_LOG))) {
		zstd_close(state);
		return -ENOMEM;
	}
	state->border = true;
	state->wanted = zstd.DStreamInSize();
	*ret_state = state;
	return 0;
}

static int zstd_decode(
    void *p, struct unpack_in *in, struct unpack_out *out, bool *ret_border, const char **ret_problem) {
	struct zstd_state *state = p;
	/* One block at a time: when a call fails, the library does not say what it wrote before, and only that one
	 * block is lost. */
	ZSTD_inBuffer input = { in->data, MIN(in->left, state->wanted), 0 };
	ZSTD_outBuffer output = { out->data, out->left, 0 };
	size_t n;

	/* With no input left at a frame's border another call would only ask for the next frame's header. */
	if (in->left > 0 || !state->border) {
		n = zstd.decompressStream(state->stream, &output, &input);
		if (zstd.isError(n)) {
			if (zstd.getErrorCode(n) == ZSTD_error_memory_allocation)
				return -ENOMEM;
			*ret_problem = zstd.getErrorName(n);
			return -EBADMSG;
		}
		state->border = n == 0;
		state->wanted = n == 0 ? zstd.DStreamInSize() : n;
	}
	in->data += input.pos;
	in->left -= input.pos;
	out->data += output.pos;
	out->left -= output.pos;
	*ret_border = state->border;
	return 0;
}

const struct unpack_backend unpack_zstd = {
	.format = UNPACK_ZSTD,
	.magic = (const uint8_t[]){ 0x28, 0xb5, 0x2f, 0xfd },
	.magic_length = 4,
	.open = zstd_open,
	.close = zstd_close,
	.decode = zstd_decode,
};

/* 0x184D2A50 … 0x184D2A5F; the lowest four bits are the user's. */
const struct unpack_backend unpack_zstd_skippable = {
	.format = UNPACK_ZSTD,
	.magic = (const uint8_t[]){ 0x50, 0x2a, 0x4d, 0x18 },
	.magic_length = 4,
	.open = zstd_open,
	.close = zstd_close,
	.decode = zstd_decode,
};
