/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xz for unpack.c: any number of streams with padding between them, integrity checks honoured. Format:
 * xz-file-format.txt. */
#include <lzma.h>

#include "core/unpack-backend.h"

struct xz_state {
	lzma_stream stream;
	bool finished;
};

static void xz_close(void *p) {
	struct xz_state *state = p;

	lzma_end(&state->stream);
	free(state);
}

static int xz_open(void **ret_state) {
	struct xz_state *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	state->stream = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_decoder(&state->stream, UNPACK_MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK) {
		xz_close(state);
		return -ENOMEM;
	}
	*ret_state = state;
	return 0;
}

static const char *xz_problem(lzma_ret code) {
	switch (code) {
	case LZMA_MEMLIMIT_ERROR:
		return "the file asks for more than 128 MiB of memory";
	case LZMA_FORMAT_ERROR:
		return "garbage where a stream should begin";
	case LZMA_OPTIONS_ERROR:
		return "unknown filter or option";
	default:
		return "data or its checksum is damaged";
	}
}

static int xz_decode(
    void *p, struct unpack_in *in, struct unpack_out *out, bool *ret_border, const char **ret_problem) {
	struct xz_state *state = p;
	lzma_ret code;

	if (!state->finished) {
		state->stream.next_in = in->data;
		state->stream.avail_in = in->left;
		state->stream.next_out = out->data;
		state->stream.avail_out = out->left;
		/* Only with LZMA_FINISH does the decoder know that no further stream follows. */
		code = lzma_code(&state->stream, in->end ? LZMA_FINISH : LZMA_RUN);
		/* Valid after an error too: what came out before the damage is delivered. */
		in->data = state->stream.next_in;
		in->left = state->stream.avail_in;
		out->data = state->stream.next_out;
		out->left = state->stream.avail_out;
		if (code == LZMA_MEM_ERROR)
			return -ENOMEM;
		if (code == LZMA_STREAM_END)
			state->finished = true;
		else if (code != LZMA_OK && code != LZMA_BUF_ERROR) {
			*ret_problem = xz_problem(code);
			return -EBADMSG;
		}
	}
	*ret_border = state->finished;
	return 0;
}

const struct unpack_backend unpack_xz = {
	.format = UNPACK_XZ,
	.magic = (const uint8_t[]){ 0xfd, '7', 'z', 'X', 'Z', 0 },
	.magic_length = 6,
	.open = xz_open,
	.close = xz_close,
	.decode = xz_decode,
};
