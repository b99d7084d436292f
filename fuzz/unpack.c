/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packed cores: zstd, LZ4, xz, and plain. Promises: any bytes come to an end, what was delivered stands, and a second
 * reading after a rewind gives the same.
 */
#include "fuzz.h"

#include "core/unpack.h"
#include "util/hash.h"

/* A few kilobytes of input unpack to terabytes: what comes behind this is more of the same. */
#define OUTPUT_MAX MIB(16)

struct outcome {
	uint64_t bytes, sum;
	int error;
};

static struct outcome read_all(struct unpack *u, size_t piece) {
	static uint8_t buffer[KIB(128)];
	struct outcome o = { .sum = 1 };
	size_t n;

	do {
		n = SIZE_MAX;
		o.error = unpack_read(u, buffer, piece, &n);
		fuzz_check(n <= piece && (o.error == 0 || n == 0));
		for (size_t i = 0; i < n; i++)
			o.sum = o.sum * 31 + buffer[i];
		o.bytes += n;
		fuzz_check(unpack_offset(u) == o.bytes);
	} while (o.error == 0 && n > 0 && o.bytes < OUTPUT_MAX);
	fuzz_check(o.error <= 0);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static int fd = -EBADF;
	_cleanup_(unpack_freep) struct unpack *u = NULL;
	struct outcome first, second;
	uint64_t skipped = UINT64_MAX;

	fuzz_file(&fd, data, size);
	if (unpack_new(fd, &u) < 0)
		return 0;
	fuzz_check(unpack_format_name(unpack_get_format(u)) && unpack_is_seekable(u));
	first = read_all(u, KIB(128));
	if (first.error == -EBADMSG)
		fuzz_check(unpack_problem(u));
	fuzz_check(unpack_rewind(u) == 0);
	second = read_all(u, 4096);
	/* How much of a damaged block a decoder delivers, and what it looks at where a frame fits into one buffer, is its own. */
	if (first.error == -EBADMSG || second.error == -EBADMSG)
		return 0;
	fuzz_check(first.error == second.error);
	if (first.bytes < OUTPUT_MAX)
		fuzz_check(first.bytes == second.bytes && first.sum == second.sum);
	fuzz_check(unpack_rewind(u) == 0);
	(void)unpack_skip(u, OUTPUT_MAX, &skipped);
	if (first.bytes < OUTPUT_MAX && first.error == 0 && !unpack_problem(u))
		fuzz_check(skipped == first.bytes);
	return 0;
}
