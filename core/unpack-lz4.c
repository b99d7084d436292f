/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LZ4 frames for unpack.c, concatenated or not (systemd with Compress=lz4, `lz4`). Format: lz4_Frame_format.md.
 * A block is at most 4 MiB, so memory needs no limit of ours. The legacy frame of the Linux kernel's images is not
 * read.
 */
#include <lz4frame.h>

#include "core/unpack-backend.h"
#include "util/library.h"

static struct {
	typeof(LZ4F_createDecompressionContext) *createDecompressionContext;
	typeof(LZ4F_freeDecompressionContext) *freeDecompressionContext;
	typeof(LZ4F_decompress) *decompress;
	typeof(LZ4F_isError) *isError;
	typeof(LZ4F_getErrorName) *getErrorName;
} lz4;

struct lz4_state {
	LZ4F_dctx *context;
	size_t wanted; /* input for the next block, as the library says */
	bool border;
};

/* Of a frame that has not begun: its magic and the two bytes after it tell the header's length. */
#define FRAME_START_BYTES 7

static int load(void) {
	static const struct library_function functions[] = {
		{ "LZ4F_createDecompressionContext", &lz4.createDecompressionContext },
		{ "LZ4F_freeDecompressionContext", &lz4.freeDecompressionContext },
		{ "LZ4F_decompress", &lz4.decompress },
		{ "LZ4F_isError", &lz4.isError },
		{ "LZ4F_getErrorName", &lz4.getErrorName },
	};
	static struct library library = LIBRARY(LZ4_SONAME, functions);

	return library_load(&library);
}

static void lz4_close(void *p) {
	struct lz4_state *state = p;

	lz4.freeDecompressionContext(state->context);
	free(state);
}

static int lz4_open(void **ret_state) {
	struct lz4_state *state;
	int r = load();

	if (r < 0)
		return r;
	state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	if (lz4.isError(lz4.createDecompressionContext(&state->context, LZ4F_VERSION))) {
		free(state);
		return -ENOMEM;
	}
	state->border = true;
	state->wanted = FRAME_START_BYTES;
	*ret_state = state;
	return 0;
}

static int lz4_decode(
    void *p, struct unpack_in *in, struct unpack_out *out, bool *ret_border, const char **ret_problem) {
	struct lz4_state *state = p;
	/* One block at a time: when a call fails, the library does not say what it wrote before, and only that one
	 * block is lost. */
	size_t consumed = MIN(in->left, state->wanted), produced = out->left, n;

	if (in->left == 0 && state->border) {
		*ret_border = true;
		return 0;
	}
	n = lz4.decompress(state->context, out->data, &produced, in->data, &consumed, NULL);
	if (lz4.isError(n)) {
		*ret_problem = lz4.getErrorName(n);
		return -EBADMSG;
	}
	in->data += consumed;
	in->left -= consumed;
	out->data += produced;
	out->left -= produced;
	state->border = n == 0;
	state->wanted = n == 0 ? FRAME_START_BYTES : n;
	*ret_border = state->border;
	return 0;
}

const struct unpack_backend unpack_lz4 = {
	.format = UNPACK_LZ4,
	.magic = (const uint8_t[]){ 0x04, 0x22, 0x4d, 0x18 },
	.magic_length = 4,
	.open = lz4_open,
	.close = lz4_close,
	.decode = lz4_decode,
};
