/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/image on cores that flow by once: packed ones, and pipes. What is kept reads like the plain core; what is not, says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/mman.h>

#include "image-opened.h"

#define CODE UINT64_C(0x400000)
#define DATA UINT64_C(0x600000)
#define DATA_BYTES 0x60000u

/* Data that packs to about half, so that damage hits where it is aimed at, and is noticed. */
static struct writer *sample(uint16_t machine) {
	struct writer *w = writer_new(machine);
	uint32_t state = 7;

	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	writer_map(w, DATA, DATA_BYTES, "rw", DATA_BYTES);
	writer_map(w, DATA + DATA_BYTES, 0x1000, "r", 0x800);
	for (uint64_t i = 0; i < DATA_BYTES; i++) {
		state = state * 1664525u + 1013904223u;
		writer_bytes(w, DATA + i, &"0123456789abcdef"[state >> 28], 1);
	}
	writer_bytes(w, DATA + DATA_BYTES, "next", 4);
	writer_bytes(w, CODE, "code", 4);
	writer_thread(w, 100, machine == EM_386 ? "eip" : "rip", CODE, NULL);
	writer_signal(w, 11, 1, 0x10);
	return w;
}

static const enum unpack_format formats[] = { UNPACK_ZSTD, UNPACK_LZ4, UNPACK_XZ, UNPACK_PLAIN };

static void check_range(struct image *image, struct image *plain, uint64_t start, uint64_t end) {
	_cleanup_free_ uint8_t *a = malloc(end - start), *b = malloc(end - start);

	assert_int_equal(image_read(plain, start, a, end - start), 0);
	assert_int_equal(image_read(image, start, b, end - start), 0);
	assert_memory_equal(a, b, end - start);
}

/* Overlapping, out of order, beyond what is stored, across two segments. */
static const struct image_range wanted[] = {
	{ DATA + DATA_BYTES - 16, DATA + DATA_BYTES + 0x2000 }, { DATA + 0x3000, DATA + 0x5000 }, { CODE, CODE + 0x10 },
	{ DATA + 0x4000, DATA + 0x5800 },                       { 0, 0x1000 },                    { DATA + 0x9000, DATA + 0x9001 },
	{ DATA + 0x4100, DATA + 0x4200 },
};

static void check_kept(struct image *image, struct image *plain) {
	uint8_t byte;

	check_range(image, plain, DATA + 0x3000, DATA + 0x5800);
	check_range(image, plain, CODE, CODE + 0x10);
	check_range(image, plain, DATA + 0x9000, DATA + 0x9001);
	check_range(image, plain, DATA + DATA_BYTES - 16, DATA + DATA_BYTES + 0x800);
	assert_int_equal(image_read(image, DATA + DATA_BYTES + 0x800, &byte, 1), -EFAULT);
	assert_int_equal(image_read(image, 0x10, &byte, 1), -EFAULT);
	assert_false(image_truncated(image));
	assert_null(image_problem(image));
}

static void test_equals_plain(void **state) {
	(void)state;
	for (size_t i = 0; i < 4 * ELEMENTSOF(formats); i++) {
		enum unpack_format format = formats[i / 4];
		_cleanup_(writer_freep) struct writer *w = sample(i & 1 ? EM_386 : EM_X86_64);
		_cleanup_blob_ struct blob b = writer_build(w);
		_cleanup_opened_ struct opened plain = open_fd(blob_file(b, UNPACK_PLAIN));
		_cleanup_opened_ struct opened o = open_fd(i & 2 ? blob_pipe(b, format) : blob_file(b, format));
		size_t n;

		assert_int_equal(o.r, 0);
		assert_int_equal(image_is_stream(o.image), (i & 2) || format != UNPACK_PLAIN);
		assert_string_equal(image_format(o.image), unpack_format_name(format));
		(void)image_segments(o.image, &n);
		assert_int_equal(n, 3);
		assert_int_equal(image_fetch(o.image, wanted, ELEMENTSOF(wanted)), 0);
		check_kept(o.image, plain.image);
		assert_int_equal(image_bytes(o.image), b.length);
	}
}

static void test_missed(void **state) {
	_cleanup_(writer_freep) struct writer *w = sample(EM_X86_64);
	_cleanup_blob_ struct blob b = writer_build(w);
	const struct image_range *missed;
	uint8_t byte;
	size_t n;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		_cleanup_opened_ struct opened plain = open_fd(blob_file(b, UNPACK_PLAIN));
		_cleanup_opened_ struct opened o = open_fd(blob_file(b, formats[i]));

		assert_int_equal(image_fetch(o.image, wanted, ELEMENTSOF(wanted)), 0);
		assert_null(image_missed(o.image, &n));
		assert_int_equal(n, 0);
		/* Stored, but not kept; and twice asked for is once missed. */
		assert_int_equal(image_read(o.image, DATA + 0x30000, &byte, 1), -EAGAIN);
		assert_int_equal(image_read(o.image, DATA + 0x30000, &byte, 1), -EAGAIN);
		missed = image_missed(o.image, &n);
		assert_int_equal(n, 1);
		assert_true(missed[0].start <= DATA + 0x30000 && missed[0].end > DATA + 0x30000);
		assert_int_equal(image_fetch(o.image, missed, n), 0);
		(void)image_missed(o.image, &n);
		assert_int_equal(n, 0);
		check_range(o.image, plain.image, DATA + 0x30000, DATA + 0x30100);
		check_kept(o.image, plain.image);
	}
}

/* What a pipe has let by cannot be had again; what was kept stays. */
static void test_pipe_only_once(void **state) {
	_cleanup_(writer_freep) struct writer *w = sample(EM_X86_64);
	_cleanup_blob_ struct blob b = writer_build(w);
	_cleanup_opened_ struct opened plain = open_fd(blob_file(b, UNPACK_PLAIN));
	_cleanup_opened_ struct opened o = open_fd(blob_pipe(b, UNPACK_ZSTD));
	static const struct image_range more = { DATA + 0x30000, DATA + 0x31000 };
	uint8_t byte;

	(void)state;
	assert_int_equal(image_fetch(o.image, wanted, ELEMENTSOF(wanted)), 0);
	assert_int_equal(image_read(o.image, DATA + 0x30000, &byte, 1), -EAGAIN);
	assert_int_equal(image_fetch(o.image, &more, 1), -ESPIPE);
	check_kept(o.image, plain.image);
}

static void test_xnum_pipe(void **state) {
	_cleanup_(writer_freep) struct writer *w = sample(EM_X86_64);
	size_t n;

	(void)state;
	writer_options(w)->xnum = true;
	for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
		_cleanup_blob_ struct blob b = writer_build(w);
		_cleanup_opened_ struct opened o = open_fd(blob_pipe(b, formats[i]));

		assert_int_equal(o.r, 0);
		(void)image_segments(o.image, &n);
		assert_int_equal(n, 3);
		(void)image_notes(o.image, &n);
		assert_true(n >= 4);
	}
}

/* All is there, only the checksum behind it is wrong: what came before the last block is kept, and the damage is told. */
static void test_bad_checksum(void **state) {
	_cleanup_(writer_freep) struct writer *w = sample(EM_X86_64);
	_cleanup_blob_ struct blob b = writer_build(w), p = blob_pack(b, UNPACK_ZSTD);
	_cleanup_opened_ struct opened plain = open_fd(blob_file(b, UNPACK_PLAIN));
	static const struct image_range early = { CODE, CODE + 0x10 };

	(void)state;
	p.data[p.length - 1] ^= 0xff;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_opened_ struct opened o = open_fd(blob_file(p, UNPACK_PLAIN));
		int r;

		assert_int_equal(o.r, 0);
		r = i == 0 ? image_fetch(o.image, wanted, ELEMENTSOF(wanted)) : image_fetch(o.image, &early, 1);
		check_range(o.image, plain.image, CODE, CODE + 0x10);
		/* The decoder gives no block away whose checksum it knows to be wrong: the last one is lost with it. */
		if (i == 0)
			check_range(o.image, plain.image, DATA + 0x3000, DATA + 0x5800);
		assert_int_equal(r, -EBADMSG);
		assert_non_null(image_problem(o.image));
		assert_non_null(strstr(image_problem(o.image), "checksum"));
	}
}

/* Damage in the middle is told, wherever the format notices it: some only by the checksum at the very end. What came before is there. */
static void test_damage(void **state) {
	_cleanup_(writer_freep) struct writer *w = sample(EM_X86_64);
	_cleanup_blob_ struct blob b = writer_build(w);
	_cleanup_opened_ struct opened plain = open_fd(blob_file(b, UNPACK_PLAIN));
	static const struct image_range all = { DATA, DATA + DATA_BYTES };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		_cleanup_blob_ struct blob p = blob_pack(b, formats[i]);

		memset(p.data + p.length * 3 / 4, 0xa5, 2000);
		_cleanup_opened_ struct opened o = open_fd(blob_file(p, UNPACK_PLAIN));
		assert_int_equal(o.r, 0);
		(void)image_fetch(o.image, &all, 1);
		check_range(o.image, plain.image, DATA, DATA + DATA_BYTES / 4);
		assert_true(image_truncated(o.image));
		assert_non_null(image_problem(o.image));
	}
}

/* A packed core that ends early. */
static void test_cut(void **state) {
	_cleanup_(writer_freep) struct writer *w = sample(EM_X86_64);
	_cleanup_blob_ struct blob b = writer_build(w);
	static const struct image_range all = { DATA, DATA + DATA_BYTES };

	(void)state;
	for (size_t i = 0; i < 2 * ELEMENTSOF(formats); i++) {
		_cleanup_blob_ struct blob p = blob_pack(b, formats[i / 2]);
		size_t n;
		uint8_t byte;

		p.length = p.length * 3 / 4;
		_cleanup_opened_ struct opened o = open_fd(i & 1 ? blob_pipe(p, UNPACK_PLAIN) : blob_file(p, UNPACK_PLAIN));
		assert_int_equal(o.r, 0);
		(void)image_notes(o.image, &n);
		if (formats[i / 2] == UNPACK_PLAIN || formats[i / 2] == UNPACK_ZSTD)
			assert_int_equal(n, 4);
		(void)image_fetch(o.image, &all, 1);
		assert_true(image_truncated(o.image));
		/* As far as seen, not as far as promised. */
		assert_true(image_bytes(o.image) <= b.length * 7 / 8);
		assert_int_equal(image_read(o.image, DATA + DATA_BYTES - 1, &byte, 1), -EFAULT);
	}
}

/* A packed core that ends behind all that was wanted is cut all the same. */
static void test_cut_behind(void **state) {
	_cleanup_(writer_freep) struct writer *w = sample(EM_X86_64);
	_cleanup_blob_ struct blob b = writer_build(w);
	static const struct image_range early = { CODE, CODE + 0x10 };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
		_cleanup_blob_ struct blob p = blob_pack(b, formats[i]);
		uint8_t byte;

		p.length = p.length * 3 / 4;
		_cleanup_opened_ struct opened o = open_fd(blob_pipe(p, UNPACK_PLAIN));
		(void)image_fetch(o.image, &early, 1);
		assert_true(image_truncated(o.image));
		assert_true(image_bytes(o.image) <= b.length * 7 / 8);
		assert_int_equal(image_read(o.image, DATA + DATA_BYTES - 1, &byte, 1), -EFAULT);
		if (formats[i] != UNPACK_XZ)
			assert_int_equal(image_read(o.image, CODE, &byte, 1), 0);
	}
}

/* Notes behind the segments, as gcore writes them: a file is read twice, a pipe loses what has gone by. */
static void test_notes_last(void **state) {
	_cleanup_(writer_freep) struct writer *w = sample(EM_X86_64);
	size_t n;

	(void)state;
	writer_options(w)->notes_last = true;
	_cleanup_blob_ struct blob b = writer_build(w);
	for (size_t i = 0; i < 3; i++) {
		_cleanup_opened_ struct opened plain = open_fd(blob_file(b, UNPACK_PLAIN));
		_cleanup_opened_ struct opened o = open_fd(blob_file(b, formats[i]));
		_cleanup_opened_ struct opened pipe = open_fd(blob_pipe(b, formats[i]));

		assert_int_equal(image_fetch(o.image, wanted, ELEMENTSOF(wanted)), 0);
		check_kept(o.image, plain.image);
		(void)image_notes(pipe.image, &n);
		assert_int_equal(n, 4);
		assert_int_equal(image_fetch(pipe.image, wanted, ELEMENTSOF(wanted)), -ESPIPE);
	}
}

/* Headers that lie about offsets, sizes and order, in a stream. */
static void test_lying_headers(void **state) {
	static const uint64_t values[] = { 0, 1, DATA, INT64_MAX, UINT64_MAX, UINT64_MAX - 0xfff };
	static const struct image_range everything = { 0, UINT64_MAX };
	_cleanup_(writer_freep) struct writer *w = sample(EM_X86_64);
	static const size_t members[] = { offsetof(Elf64_Phdr, p_offset), offsetof(Elf64_Phdr, p_vaddr), offsetof(Elf64_Phdr, p_filesz),
		                          offsetof(Elf64_Phdr, p_memsz) };

	(void)state;
	for (size_t i = 0; i < 3 * ELEMENTSOF(values) * ELEMENTSOF(members); i++) {
		_cleanup_blob_ struct blob b = writer_build(w);
		char got[64];

		blob_patch_phdr(&b, i % 3, members[i / 3 % ELEMENTSOF(members)], values[i / 3 / ELEMENTSOF(members)], 8);
		_cleanup_opened_ struct opened o = open_fd(blob_file(b, UNPACK_LZ4));
		assert_int_equal(o.r, 0);
		(void)image_fetch(o.image, NULL, 0);
		(void)image_fetch(o.image, &everything, 1);
		for (size_t k = 0; k < ELEMENTSOF(values); k++)
			(void)image_read(o.image, values[k], got, sizeof(got));
		(void)image_read(o.image, CODE, got, sizeof(got));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equals_plain), cmocka_unit_test(test_missed), cmocka_unit_test(test_pipe_only_once),
		cmocka_unit_test(test_xnum_pipe),    cmocka_unit_test(test_bad_checksum), cmocka_unit_test(test_damage),
		cmocka_unit_test(test_cut),          cmocka_unit_test(test_cut_behind),   cmocka_unit_test(test_notes_last), cmocka_unit_test(test_lying_headers),
	};

	return cmocka_run_group_tests_name("image-stream", tests, NULL, NULL);
}
