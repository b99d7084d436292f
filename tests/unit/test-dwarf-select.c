/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/dwarf-select and core/section-stream: the right units are taken out of a packed section, and nothing is taken
 * from what is damaged or cannot be told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <libdeflate.h>
#include <zstd.h>

#include "core/dwarf-select.h"

#define UNITS 3u
#define UNIT_BYTES 40u

/* Three units of a version 5 producer, each filled with its number; their code at 0x1000, 0x2000, 0x3000. */
static uint8_t info[UNITS * UNIT_BYTES], aranges[UNITS * 48], packed[4096];

static void put(uint8_t **to, uint64_t value, size_t size) {
	memcpy(*to, &value, size);
	*to += size;
}

static void make_sections(void) {
	uint8_t *p = info, *q = aranges;

	for (unsigned i = 0; i < UNITS; i++) {
		put(&p, UNIT_BYTES - 4, 4);
		put(&p, 5, 2);
		put(&p, 0x0801, 2); /* compile unit, addresses of 8 bytes */
		put(&p, 0, 4);
		memset(p, (int)(0xa0 + i), UNIT_BYTES - 12);
		p += UNIT_BYTES - 12;

		put(&q, 44, 4);
		put(&q, 2, 2);
		put(&q, i * UNIT_BYTES, 4);
		put(&q, 0x0008, 2);
		put(&q, 0, 4); /* tuples are aligned to 16 */
		put(&q, 0x1000 * (i + 1), 8);
		put(&q, 0x100, 8);
		put(&q, 0, 8);
		put(&q, 0, 8);
	}
}

static size_t deflate_to(const void *from, size_t n) {
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
	size_t length = libdeflate_zlib_compress(c, from, n, packed, sizeof(packed));

	libdeflate_free_compressor(c);
	assert_true(length > 0);
	return length;
}

static struct dwarf_parts make_parts(bool pack) {
	struct dwarf_parts parts = { .n = 2 };

	make_sections();
	parts.list[0] = (struct dwarf_part){ .name = ".debug_aranges", .packed = aranges, .packed_size = sizeof(aranges), .size = sizeof(aranges) };
	parts.list[1] = (struct dwarf_part){ .name = ".debug_info", .packed = info, .packed_size = sizeof(info), .size = sizeof(info) };
	if (pack) {
		parts.list[1].packing = SECTION_ZLIB;
		parts.list[1].packed = packed;
		parts.list[1].packed_size = deflate_to(info, sizeof(info));
	}
	return parts;
}

static int make(const struct dwarf_parts *parts, const uint64_t *addresses, size_t n, struct selection *ret) {
	return selection_make(parts, -EBADF, addresses, n, 0x9000, true, ret);
}

static void check_units(bool pack) {
	static const uint64_t addresses[] = { 0x30ff, 0x1000, 0x3010, 0x9010 /* _start */ };
	struct dwarf_parts parts = make_parts(pack);
	struct selection s;

	assert_int_equal(make(&parts, addresses, ELEMENTSOF(addresses), &s), 0);
	assert_int_equal(s.size, 2 * UNIT_BYTES);
	assert_memory_equal(s.bytes, info, UNIT_BYTES);
	assert_memory_equal(s.bytes + UNIT_BYTES, info + 2 * (size_t)UNIT_BYTES, UNIT_BYTES);
	/* their sets, the second with the unit's new place */
	assert_int_equal(s.aranges_size, 2 * 48);
	assert_memory_equal(s.aranges, aranges, 48);
	assert_int_equal(s.aranges[48 + 6], UNIT_BYTES);
	assert_memory_equal(s.aranges + 48 + 10, aranges + 2 * 48 + 10, 48 - 10);
	selection_free(&s);
}

static void test_units(void **state) {
	(void)state;
	check_units(false);
#if HAVE_ISAL
	check_units(true);
#endif
}

/* An address that no unit claims may belong to one that .debug_aranges leaves out. */
static void test_unclaimed(void **state) {
	static const uint64_t addresses[][2] = { { 0x1000, 0x1100 }, { 0x1000, 0x9040 }, { 0x1000, 0xfff } };
	struct dwarf_parts parts = make_parts(false);
	struct selection s;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(addresses); i++)
		assert_int_equal(make(&parts, addresses[i], 2, &s), -ENOENT);
	parts.n = 1;
	assert_int_equal(make(&parts, addresses[0], 1, &s), -ENOENT);
}

static void test_damage(void **state) {
	static const uint64_t address = 0x3000;
	struct dwarf_parts parts = make_parts(false);
	struct selection s;

	(void)state;
	for (size_t at = 0; at < sizeof(aranges); at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			aranges[at] ^= (uint8_t)(1u << bit);
			if (make(&parts, &address, 1, &s) >= 0)
				selection_free(&s);
			aranges[at] ^= (uint8_t)(1u << bit);
		}
	/* a unit that claims to be longer than its section, and one that begins beyond it */
	info[2 * UNIT_BYTES] = UNIT_BYTES;
	assert_int_equal(make(&parts, &address, 1, &s), -EBADMSG);
	info[2 * UNIT_BYTES] = UNIT_BYTES - 4;
	aranges[2 * 48 + 6] = 0xff;
	assert_int_equal(make(&parts, &address, 1, &s), -EBADMSG);
}

static void test_closed(void **state) {
	/* code 1, compile unit, no children; name: string; then one that points into another unit */
	static const uint8_t alone[] = { 1, 0x11, 0, 0x03, 0x08, 0, 0, 0 }, refers[] = { 1, 0x11, 0, 0x31, 0x10, 0, 0, 0 };
	static const uint64_t address = 0x1000;
	struct dwarf_parts parts = make_parts(false);
	struct selection s;

	(void)state;
	assert_int_equal(make(&parts, &address, 1, &s), 0);
	assert_true(selection_is_closed(&s, alone, sizeof(alone)));
	assert_false(selection_is_closed(&s, refers, sizeof(refers)));
	assert_false(selection_is_closed(&s, alone, sizeof(alone) - 4)); /* the table ends within an entry */
	selection_free(&s);
}

/* ── what is far ── */

#define FILLER_BYTES KIB(700)

/* As make_sections(), but the second unit is large, the third small and the fourth as the first. */
static struct dwarf_parts make_far_parts(uint8_t *far_info, uint8_t *far_aranges) {
	static const size_t sizes[] = { UNIT_BYTES, FILLER_BYTES, 90, UNIT_BYTES };
	uint8_t *p = far_info, *q = far_aranges;
	struct dwarf_parts parts = { .n = 2 };

	for (unsigned i = 0; i < ELEMENTSOF(sizes); i++) {
		put(&q, 44, 4);
		put(&q, 2, 2);
		put(&q, (uint64_t)(p - far_info), 4);
		put(&q, 0x0008, 2);
		put(&q, 0, 4);
		put(&q, 0x1000 * (i + 1), 8);
		put(&q, 0x100, 8);
		put(&q, 0, 8);
		put(&q, 0, 8);
		put(&p, sizes[i] - 4, 4);
		memset(p, (int)i, sizes[i] - 4);
		p += sizes[i] - 4;
	}
	parts.list[0] = (struct dwarf_part){ .name = ".debug_aranges", .packed = far_aranges, .packed_size = (size_t)(q - far_aranges), .size = (size_t)(q - far_aranges) };
	parts.list[1] = (struct dwarf_part){ .name = ".debug_info", .packed = far_info, .packed_size = (size_t)(p - far_info), .size = (size_t)(p - far_info) };
	return parts;
}

static void test_far_units(void **state) {
	static const struct { uint64_t addresses[2]; bool leave_out; size_t size, n_far; } cases[] = {
		{ { 0x1010, 0x3010 }, true, UNIT_BYTES, 1 },
		{ { 0x1010, 0x3010 }, false, UNIT_BYTES + 90, 0 },
		{ { 0x2010, 0x3010 }, true, FILLER_BYTES + 90, 0 }, /* not far */
		{ { 0x1010, 0x2010 }, true, UNIT_BYTES + FILLER_BYTES, 0 }, /* not small */
		{ { 0x3010, 0x3020 }, true, 90, 0 },                /* nothing else is needed */
		{ { 0x1010, 0x4010 }, true, 2 * UNIT_BYTES, 0 },    /* where it ends is not known */
	};
	uint8_t *far_info = malloc(FILLER_BYTES + 1024), far_aranges[4 * 48];
	struct dwarf_parts parts = make_far_parts(far_info, far_aranges);

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct selection s;

		assert_int_equal(selection_make(&parts, -EBADF, cases[i].addresses, 2, 0x9000, cases[i].leave_out, &s), 0);
		assert_int_equal(s.size, cases[i].size);
		assert_int_equal(s.far.n, cases[i].n_far);
		if (s.far.n > 0)
			assert_int_equal(s.far.list[0].low, 0x3000);
		selection_free(&s);
	}
	free(far_info);
}

/* Three line tables of 64 bytes; the third one's sequence begins at the address. */
static void test_far_tables(void **state) {
	uint8_t tables[3 * 64] = { 0 }, to[sizeof(tables)] = { 0 }, *p;
	struct dwarf_part lines = { .name = ".debug_line", .packed = tables, .packed_size = sizeof(tables), .size = sizeof(tables) };
	struct far_codes codes = { .n = 1 };
	struct section_stream *s;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		p = tables + i * 64;
		put(&p, 60, 4);
		memset(p, 0x40 + (int)i, 60);
	}
	p = tables + 128 + 20;
	put(&p, 0x020900, 3);
	put(&p, 0x3000, 8);
	for (uint64_t low = 0x3000; low <= 0x3008; low += 8) {
		codes.list[0] = (struct far_code){ .low = low, .size = 0x100, .table = UINT64_MAX };
		assert_int_equal(section_stream_new(SECTION_PLAIN, tables, sizeof(tables), -EBADF, 0, &s), 0);
		assert_int_equal(far_codes_place(&codes, s, 64, &lines, to), low == 0x3000 ? 0 : -EAGAIN);
		section_stream_free(s);
		assert_int_equal(codes.list[0].table, low == 0x3000 ? 128 : UINT64_MAX);
		if (low == 0x3000)
			assert_memory_equal(to + 128, tables + 128, 64);
		for (size_t i = 0; i < 128; i++)
			assert_int_equal(to[i], 0);
	}
	/* A length that leads out of the section. */
	tables[64] = 200;
	codes.list[0].low = 0x3000;
	assert_int_equal(section_stream_new(SECTION_PLAIN, tables, sizeof(tables), -EBADF, 0, &s), 0);
	assert_int_equal(far_codes_place(&codes, s, 64, &lines, to), -EAGAIN);
	section_stream_free(s);
}

/* ── streams ── */

static void check_stream(enum section_packing packing, const uint8_t *bytes, size_t n, const uint8_t *expected, size_t size) {
	struct section_stream *s;
	uint8_t out[64];

	assert_int_equal(section_stream_new(packing, bytes, n, -EBADF, 0, &s), 0);
	for (size_t at = 7; at + sizeof(out) <= size; at += 100001) {
		assert_int_equal(section_stream_read(s, at, out, sizeof(out)), 0);
		assert_memory_equal(out, expected + at, sizeof(out));
		assert_int_equal(section_stream_at(s), at + sizeof(out));
	}
	assert_int_equal(section_stream_read(s, size, out, 1), -EBADMSG);
	section_stream_free(s);
}

static void test_stream(void **state) {
	size_t size = 1000003, room = size + 4096, n;
	uint8_t *plain = malloc(size), *small = malloc(room);
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
	struct section_stream *s;
	uint8_t byte;

	(void)state;
	for (size_t i = 0; i < size; i++)
		plain[i] = (uint8_t)(i * i >> 7);
	check_stream(SECTION_PLAIN, plain, size, plain, size);
	n = ZSTD_compress(small, room, plain, size, 3);
	check_stream(SECTION_ZSTD, small, n, plain, size);
	assert_int_equal(section_stream_new(SECTION_ZSTD, small, n / 2, -EBADF, 0, &s), 0);
	assert_int_equal(section_stream_read(s, size - 1, &byte, 1), -EBADMSG);
	section_stream_free(s);
	n = libdeflate_zlib_compress(c, plain, size, small, room);
#if HAVE_ISAL
	check_stream(SECTION_ZLIB, small, n, plain, size);
	assert_int_equal(section_stream_new(SECTION_ZLIB, small, n / 2, -EBADF, 0, &s), 0);
	assert_int_equal(section_stream_read(s, size - 1, &byte, 1), -EBADMSG);
	section_stream_free(s);
#else
	assert_int_equal(section_stream_new(SECTION_ZLIB, small, n, -EBADF, 0, &s), -EOPNOTSUPP);
#endif
	libdeflate_free_compressor(c);
	free(plain);
	free(small);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_unclaimed),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_far_units),
		cmocka_unit_test(test_far_tables),
		cmocka_unit_test(test_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
