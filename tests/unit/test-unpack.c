/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core/unpack: every format whole, cut, damaged, concatenated, from files and from pipes that deliver a byte at a time.
 * The packed data is made here with the formats' own libraries, so that nothing binary lies in the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <lz4frame.h>
#include <lzma.h>
#include <pthread.h>
#include <sys/mman.h>
#include <zstd.h>

#include "core/unpack.h"
#include "util/io.h"

#define PLAIN_BYTES (700u << 10)

struct data {
	uint8_t *bytes;
	size_t length;
};

static void data_done(struct data *data) {
	free(data->bytes);
}
#define _cleanup_data_ _cleanup_(data_done)

/* Text with little repetition: packs to about half. */
static struct data make_plain(void) {
	struct data d = { malloc(PLAIN_BYTES), PLAIN_BYTES };
	uint32_t state = 1;

	assert_non_null(d.bytes);
	for (size_t i = 0; i < d.length; i++) {
		state = state * 1664525u + 1013904223u;
		d.bytes[i] = "0123456789abcdef"[state >> 28];
	}
	return d;
}

static struct data pack_zstd(struct data plain) {
	struct data d = { malloc(ZSTD_compressBound(plain.length)), 0 };
	ZSTD_CCtx *context = ZSTD_createCCtx();

	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	d.length = ZSTD_compress2(context, d.bytes, ZSTD_compressBound(plain.length), plain.bytes, plain.length);
	assert_false(ZSTD_isError(d.length));
	ZSTD_freeCCtx(context);
	return d;
}

static struct data pack_lz4(struct data plain) {
	LZ4F_preferences_t preferences = { .frameInfo = { .contentChecksumFlag = LZ4F_contentChecksumEnabled } };
	struct data d = { malloc(LZ4F_compressFrameBound(plain.length, &preferences)), 0 };

	d.length = LZ4F_compressFrame(
	    d.bytes, LZ4F_compressFrameBound(plain.length, &preferences), plain.bytes, plain.length, &preferences);
	assert_false(LZ4F_isError(d.length));
	return d;
}

static struct data pack_xz(struct data plain) {
	struct data d = { malloc(lzma_stream_buffer_bound(plain.length)), 0 };

	assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, plain.bytes, plain.length, d.bytes,
			     &d.length, lzma_stream_buffer_bound(plain.length)),
	    LZMA_OK);
	return d;
}

static struct data pack_not(struct data plain) {
	struct data d = { malloc(plain.length), plain.length };

	memcpy(d.bytes, plain.bytes, plain.length);
	return d;
}

static const struct format {
	enum unpack_format format;
	struct data (*pack)(struct data plain);
} formats[] = { { UNPACK_ZSTD, pack_zstd }, { UNPACK_LZ4, pack_lz4 }, { UNPACK_XZ, pack_xz },
	{ UNPACK_PLAIN, pack_not } };
/* Those that can be damaged. */
#define N_PACKED 3

static int make_file(const void *bytes, size_t length) {
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, bytes, length), 0);
	return fd;
}

/* All that comes out, and how it ends. */
static int unpack_all(int fd, enum unpack_format format, struct data *ret, size_t chunk) {
	_cleanup_(unpack_freep) struct unpack *u = NULL;
	size_t n = 0, size = 4 * PLAIN_BYTES;
	int r;

	ret->bytes = malloc(size);
	ret->length = 0;
	assert_int_equal(unpack_new(fd, &u), 0);
	assert_int_equal(unpack_get_format(u), format);
	while ((r = unpack_read(u, ret->bytes + ret->length, MIN(chunk, size - ret->length), &n)) == 0 && n > 0)
		ret->length += n;
	assert_int_equal(unpack_offset(u), ret->length);
	assert_int_equal(n, 0);
	assert_true((r < 0) == (unpack_problem(u) != NULL));
	/* An error stays. */
	assert_int_equal(unpack_read(u, ret->bytes, 1, &n), r);
	return r;
}

static void test_whole(void **state) {
	_cleanup_data_ struct data plain = make_plain();

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(formats); i++)
		for (size_t chunk = 61; chunk < 3 * PLAIN_BYTES; chunk *= 41) {
			_cleanup_data_ struct data packed = formats[i].pack(plain), out = { 0 };
			_cleanup_close_ int fd = make_file(packed.bytes, packed.length);

			assert_int_equal(unpack_all(fd, formats[i].format, &out, chunk), 0);
			assert_int_equal(out.length, plain.length);
			assert_memory_equal(out.bytes, plain.bytes, plain.length);
		}
}

static void test_concatenated(void **state) {
	_cleanup_data_ struct data plain = make_plain();

	(void)state;
	for (size_t i = 0; i < N_PACKED; i++) {
		_cleanup_data_ struct data packed = formats[i].pack(plain), out = { 0 };
		_cleanup_close_ int fd = make_file(packed.bytes, packed.length);

		assert_int_equal(write_full(fd, packed.bytes, packed.length), 0);
		assert_int_equal(unpack_all(fd, formats[i].format, &out, 100000), 0);
		assert_int_equal(out.length, 2 * plain.length);
		assert_memory_equal(out.bytes + plain.length, plain.bytes, plain.length);
	}
}

static void test_cut(void **state) {
	_cleanup_data_ struct data plain = make_plain();

	(void)state;
	for (size_t i = 0; i < N_PACKED; i++) {
		_cleanup_data_ struct data packed = formats[i].pack(plain);

		for (size_t cut = 7; cut < packed.length; cut += packed.length / 7) {
			_cleanup_close_ int fd = make_file(packed.bytes, cut);
			_cleanup_data_ struct data out = { 0 };

			assert_int_equal(unpack_all(fd, formats[i].format, &out, 50000), -ENODATA);
			assert_memory_equal(out.bytes, plain.bytes, out.length);
			if (cut > packed.length / 2)
				assert_true(out.length > plain.length / 4);
		}
	}
}

static void test_damaged(void **state) {
	_cleanup_data_ struct data plain = make_plain();

	(void)state;
	for (size_t i = 0; i < N_PACKED; i++) {
		_cleanup_data_ struct data packed = formats[i].pack(plain), out = { 0 };
		_cleanup_close_ int fd = -EBADF;

		memset(packed.bytes + packed.length * 3 / 4, 0xa5, 64);
		fd = make_file(packed.bytes, packed.length);
		assert_int_equal(unpack_all(fd, formats[i].format, &out, 2 * PLAIN_BYTES), -EBADMSG);
		/* Even when asked for all at once, what came before the damage is delivered. */
		assert_true(out.length > plain.length / 4);
		assert_memory_equal(out.bytes, plain.bytes, plain.length / 4);
	}
}

/* The data is whole, only its checksum is not. */
static void test_checksum(void **state) {
	_cleanup_data_ struct data plain = make_plain();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_data_ struct data packed = formats[i].pack(plain), out = { 0 };
		_cleanup_close_ int fd = -EBADF;

		packed.bytes[packed.length - 1] ^= 1;
		fd = make_file(packed.bytes, packed.length);
		assert_int_equal(unpack_all(fd, formats[i].format, &out, 4096), -EBADMSG);
	}
}

static void test_garbage_behind(void **state) {
	_cleanup_data_ struct data plain = make_plain();

	(void)state;
	for (size_t i = 0; i < N_PACKED; i++) {
		_cleanup_data_ struct data packed = formats[i].pack(plain), out = { 0 };
		_cleanup_close_ int fd = make_file(packed.bytes, packed.length);

		assert_int_equal(write_full(fd, "this is no frame of anything", 28), 0);
		assert_int_equal(unpack_all(fd, formats[i].format, &out, 2 * PLAIN_BYTES), -EBADMSG);
		assert_int_equal(out.length, plain.length);
	}
}

static void test_skippable_frame(void **state) {
	static const uint8_t frame[] = { 0x5e, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'n', 'o', 't', 'e' };
	_cleanup_data_ struct data plain = make_plain(), packed = pack_zstd(plain), out = { 0 };
	_cleanup_close_ int fd = make_file(frame, sizeof(frame));

	(void)state;
	assert_int_equal(write_full(fd, packed.bytes, packed.length), 0);
	assert_int_equal(write_full(fd, frame, sizeof(frame)), 0);
	assert_int_equal(unpack_all(fd, UNPACK_ZSTD, &out, 4096), 0);
	assert_int_equal(out.length, plain.length);
}

/* A frame that asks for a window of 2 GiB is refused before anything is allocated. */
static void test_window_limit(void **state) {
	/* magic; descriptor: no single segment, no checksum; window descriptor: exponent 21, 2^31 bytes; one empty last
	 * block */
	static const uint8_t frame[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00 };
	static const uint8_t fine[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x01, 0x00, 0x00 };
	_cleanup_data_ struct data out = { 0 }, none = { 0 };
	_cleanup_close_ int fd = make_file(frame, sizeof(frame)), fine_fd = make_file(fine, sizeof(fine));

	(void)state;
	assert_int_equal(unpack_all(fd, UNPACK_ZSTD, &out, 4096), -EBADMSG);
	assert_int_equal(unpack_all(fine_fd, UNPACK_ZSTD, &none, 4096), 0);
}

struct writer {
	int fd;
	struct data data;
};

/* One byte, then two, …: magic bytes arrive in pieces. */
static void *write_slowly(void *p) {
	struct writer *w = p;
	size_t n = 1;

	for (size_t i = 0; i < w->data.length; i += n, n = MIN(n + 1, (size_t)4000)) {
		n = MIN(n, w->data.length - i);
		if (write_full(w->fd, w->data.bytes + i, n) < 0)
			break;
	}
	close(w->fd);
	return NULL;
}

static void test_pipe(void **state) {
	_cleanup_data_ struct data plain = make_plain();

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
		_cleanup_data_ struct data packed = formats[i].pack(plain), out = { 0 };
		struct writer writer;
		pthread_t thread;
		int fds[2];

		assert_int_equal(pipe(fds), 0);
		writer = (struct writer){ fds[1], packed };
		assert_int_equal(pthread_create(&thread, NULL, write_slowly, &writer), 0);
		assert_int_equal(unpack_all(fds[0], formats[i].format, &out, 70000), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		close(fds[0]);
		assert_int_equal(out.length, plain.length);
		assert_memory_equal(out.bytes, plain.bytes, plain.length);
	}
}

static void test_pipe_no_rewind(void **state) {
	_cleanup_(unpack_freep) struct unpack *u = NULL;
	uint64_t skipped;
	size_t n;
	char byte;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write_full(fds[1], "0123456789", 10), 0);
	close(fds[1]);
	assert_int_equal(unpack_new(fds[0], &u), 0);
	assert_false(unpack_is_seekable(u));
	assert_int_equal(unpack_rewind(u), -ESPIPE);
	assert_int_equal(unpack_skip(u, 7, &skipped), 0);
	assert_int_equal(skipped, 7);
	assert_int_equal(unpack_read(u, &byte, 1, &n), 0);
	assert_int_equal(byte, '7');
	assert_int_equal(unpack_skip(u, 100, &skipped), 0);
	assert_int_equal(skipped, 2);
	close(fds[0]);
}

static void test_skip_and_rewind(void **state) {
	_cleanup_data_ struct data plain = make_plain();

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
		_cleanup_data_ struct data packed = formats[i].pack(plain);
		_cleanup_close_ int fd = make_file(packed.bytes, packed.length);
		_cleanup_(unpack_freep) struct unpack *u = NULL;
		uint8_t bytes[100];
		uint64_t skipped;
		size_t n;

		assert_int_equal(unpack_new(fd, &u), 0);
		assert_true(unpack_is_seekable(u));
		for (int pass = 0; pass < 2; pass++) {
			assert_int_equal(unpack_read(u, bytes, 3, &n), 0);
			assert_int_equal(n, 3);
			assert_int_equal(unpack_skip(u, 400000, &skipped), 0);
			assert_int_equal(skipped, 400000);
			assert_int_equal(unpack_read(u, bytes, sizeof(bytes), &n), 0);
			assert_int_equal(n, sizeof(bytes));
			assert_memory_equal(bytes, plain.bytes + 400003, sizeof(bytes));
			assert_int_equal(unpack_offset(u), 400103);
			assert_int_equal(unpack_skip(u, UINT64_MAX, &skipped), 0);
			assert_int_equal(skipped, plain.length - 400103);
			assert_int_equal(unpack_skip(u, 1, &skipped), 0);
			assert_int_equal(skipped, 0);
			assert_int_equal(unpack_read(u, bytes, 1, &n), 0);
			assert_int_equal(n, 0);
			assert_int_equal(unpack_rewind(u), 0);
			assert_int_equal(unpack_offset(u), 0);
		}
	}
}

/* Too short for any magic, and nothing at all. */
static void test_tiny(void **state) {
	static const char *const inputs[] = { "", "\x28", "\x28\xb5\x2f", "\xfd\x37zXZ" };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(inputs); i++) {
		_cleanup_close_ int fd = make_file(inputs[i], strlen(inputs[i]));
		_cleanup_data_ struct data out = { 0 };

		assert_int_equal(unpack_all(fd, UNPACK_PLAIN, &out, 10), 0);
		assert_int_equal(out.length, strlen(inputs[i]));
	}
}

static void test_bad_descriptor(void **state) {
	struct unpack *u = NULL;

	(void)state;
	assert_int_equal(unpack_new(-1, &u), -EBADF);
	assert_null(u);
}

static void test_names(void **state) {
	(void)state;
	assert_string_equal(unpack_format_name(UNPACK_PLAIN), "plain");
	assert_string_equal(unpack_format_name(UNPACK_ZSTD), "zstd");
	assert_string_equal(unpack_format_name(UNPACK_LZ4), "lz4");
	assert_string_equal(unpack_format_name(UNPACK_XZ), "xz");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_concatenated),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_garbage_behind),
		cmocka_unit_test(test_skippable_frame),
		cmocka_unit_test(test_window_limit),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_pipe_no_rewind),
		cmocka_unit_test(test_skip_and_rewind),
		cmocka_unit_test(test_tiny),
		cmocka_unit_test(test_bad_descriptor),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
