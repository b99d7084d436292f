/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* util: arena, io, parse, text, hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "util/arena.h"
#include "util/hash.h"
#include "util/io.h"
#include "util/parse.h"
#include "util/text.h"

/* ── arena ── */

static void test_arena(void **state) {
	_cleanup_arena_ struct arena *a = NULL;
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 4096, 40000, 65536, 65537, 1000000 };
	uint8_t *p[5 * ELEMENTSOF(sizes)];

	(void)state;
	assert_int_equal(arena_new(MIB(64), &a), 0);
	/* Zeroed, aligned, and each its own. */
	for (size_t i = 0; i < ELEMENTSOF(p); i++) {
		size_t size = sizes[i % ELEMENTSOF(sizes)];

		p[i] = arena_alloc(a, size);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < size; k++)
			assert_int_equal(p[i][k], 0);
		memset(p[i], (int)i + 1, size);
	}
	for (size_t i = 0; i < ELEMENTSOF(p); i++)
		for (size_t k = 0; k < sizes[i % ELEMENTSOF(sizes)]; k++)
			assert_int_equal(p[i][k], i + 1);
	assert_true(arena_used(a) >= 5 * 1000000);
}

static void test_arena_limit(void **state) {
	_cleanup_arena_ struct arena *a = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(arena_new(KIB(100), &a), 0);
	assert_null(arena_alloc(a, KIB(101)));
	while (arena_alloc(a, KIB(1)))
		n++;
	assert_int_equal(n, 100);
	assert_null(arena_alloc(a, 1));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_alloc_array(a, SIZE_MAX / 2, 3));
	assert_null(arena_grow(a, "", 1, SIZE_MAX, 8));
	assert_null(arena_strdup(a, "x"));
	assert_null(arena_printf(a, "%d", 1));
}

/* A limit of any size must not overflow a sum. */
static void test_arena_no_limit(void **state) {
	_cleanup_arena_ struct arena *a = NULL;

	(void)state;
	assert_int_equal(arena_new(SIZE_MAX, &a), 0);
	for (size_t i = 0; i < 45; i++)
		assert_null(arena_alloc(a, SIZE_MAX - i));
	assert_non_null(arena_alloc(a, 10));
}

static void test_arena_strings(void **state) {
	_cleanup_arena_ struct arena *a = NULL;
	int *numbers, *more;

	(void)state;
	assert_int_equal(arena_new(MIB(1), &a), 0);
	assert_string_equal(arena_strdup(a, "hello"), "hello");
	assert_string_equal(arena_strndup(a, "hello", 3), "hel");
	assert_string_equal(arena_strndup(a, "hello", 100), "hello");
	assert_string_equal(arena_strndup(a, "\0x", 2), "");
	assert_string_equal(arena_printf(a, "%s-%d", "x", 7), "x-7");
	assert_memory_equal(arena_memdup(a, "a\0b", 3), "a\0b", 3);
	numbers = arena_alloc_array(a, 2, sizeof(*numbers));
	numbers[0] = 1, numbers[1] = 2;
	more = arena_grow(a, numbers, 2, 4, sizeof(*numbers));
	assert_int_equal(more[1], 2);
	assert_int_equal(more[3], 0);
}

/* ── io ── */

static int make_file(const void *data, size_t length) {
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, data, length), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void test_io(void **state) {
	_cleanup_close_ int fd = make_file("0123456789", 10);
	char b[16];

	(void)state;
	assert_int_equal(read_full(fd, b, 4), 4);
	assert_int_equal(read_full(fd, b, 16), 6);
	assert_int_equal(read_full(fd, b, 16), 0);
	assert_int_equal(pread_full(fd, b, 4, 8), 2);
	assert_memory_equal(b, "89", 2);
	assert_int_equal(pread_full(fd, b, 4, 100), 0);
	assert_int_equal(pread_full(fd, b, 4, UINT64_MAX), -EINVAL);
	assert_int_equal(pread_full(fd, b, 4, INT64_MAX), -EINVAL);
	assert_int_equal(read_full(-1, b, 1), -EBADF);
	assert_int_equal(write_full(-1, b, 1), -EBADF);
}

static void test_read_whole(void **state) {
	static const size_t sizes[] = { 0, 1, 16382, 16383, 16384, 16385, 32767, 32768, 100000 };
	static char data[100000];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
		for (size_t max = sizes[i] > 0 ? sizes[i] - 1 : 0; max <= sizes[i] + 2; max++) {
			_cleanup_close_ int fd = make_file(data, sizes[i]);
			_cleanup_free_ char *got = NULL;
			size_t n = 0;
			int r = read_whole(fd, max, &got, &n);

			if (max < sizes[i]) {
				assert_int_equal(r, -EFBIG);
				assert_null(got);
				continue;
			}
			assert_int_equal(r, 0);
			assert_int_equal(n, sizes[i]);
			assert_memory_equal(got, data, n);
			assert_int_equal(got[n], 0);
		}
	}
}

static void test_write_atomically(void **state) {
	char folder[] = "/tmp/test-util-XXXXXX", temporary[64];
	_cleanup_close_ int dir = -EBADF;
	_cleanup_free_ char *got = NULL;
	struct stat st;
	size_t n;

	(void)state;
	assert_non_null(mkdtemp(folder));
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(write_atomically(dir, "file", "first version", 13, 0640), 0);
	assert_int_equal(write_atomically(dir, "file", "second", 6, 0640), 0);
	_cleanup_close_ int fd = openat(dir, "file", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read_whole(fd, 100, &got, &n), 0);
	assert_string_equal(got, "second");
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777 & ~0640, 0);
	/* Another file by the name of the temporary one, put there by somebody, is not written to. */
	snprintf(temporary, sizeof(temporary), ".file.%d.tmp", (int)getpid());
	assert_int_equal(linkat(dir, "file", dir, "other", 0), 0);
	assert_int_equal(linkat(dir, "file", dir, temporary, 0), 0);
	assert_int_equal(write_atomically(dir, "file", "third", 5, 0640), 0);
	assert_int_equal(fstatat(dir, "other", &st, 0), 0);
	assert_int_equal(st.st_size, 6);
	assert_int_equal(unlinkat(dir, "other", 0), 0);
	/* A target that is a folder fails, and nothing is left behind. */
	assert_int_equal(mkdirat(dir, "sub", 0700), 0);
	assert_true(write_atomically(dir, "sub", "x", 1, 0600) < 0);
	assert_int_equal(unlinkat(dir, "sub", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(dir, "file", 0), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* ── parse ── */

static void test_numbers(void **state) {
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x10", "1e3", "a", "1.0", "٣" };
	uint64_t v = 7;
	uint32_t u = 7;
	int32_t pid = 7;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
		assert_int_equal(parse_u64(bad[i], &v), -EINVAL);
		assert_int_equal(v, 7);
	}
	assert_int_equal(parse_u64("18446744073709551615", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(parse_u64("18446744073709551616", &v), -ERANGE);
	assert_int_equal(parse_u64("99999999999999999999999999", &v), -ERANGE);
	assert_int_equal(parse_u64("0010", &v), 0);
	assert_int_equal(v, 10);
	assert_int_equal(parse_u32("4294967295", &u), 0);
	assert_int_equal(parse_u32("4294967296", &u), -ERANGE);
	assert_int_equal(parse_pid("0", &pid), -ERANGE);
	assert_int_equal(parse_pid("2147483647", &pid), 0);
	assert_int_equal(parse_pid("2147483648", &pid), -ERANGE);
	assert_int_equal(parse_uid("0", &u), 0);
	assert_int_equal(parse_uid("4294967295", &u), -ERANGE);
}

static void test_words(void **state) {
	bool b = false;

	(void)state;
	assert_int_equal(parse_bool("yes", &b), 0);
	assert_true(b);
	assert_int_equal(parse_bool("OFF", &b), 0);
	assert_false(b);
	assert_int_equal(parse_bool("1", &b), 0);
	assert_true(b);
	assert_int_equal(parse_bool("maybe", &b), -EINVAL);
	assert_int_equal(parse_bool("", &b), -EINVAL);
	assert_true(b);
	assert_true(is_hex("0a", 2));
	assert_false(is_hex("0A", 2));
	assert_false(is_hex("0a0", 2));
	assert_false(is_hex("0g", 2));
	assert_true(is_hex("", 0));
}

static void test_units(void **state) {
	static const struct { const char *text; int r; uint64_t value; } times[] = {
		{ "30s", 0, 30000000 }, { "5min", 0, 300000000 }, { "2h", 0, UINT64_C(7200000000) }, { "500ms", 0, 500000 }, { "1min 30s", 0, 90000000 },
		{ "7", 0, 7000000 },    { "0", 0, 0 },            { "1us", 0, 1 },   { "", -EINVAL, 0 }, { "s", -EINVAL, 0 }, { "1 fortnight", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },  { "99999999999999d", -ERANGE, 0 }, { "18446744073709551615us 1us", -ERANGE, 0 }, { "1h30m", 0, UINT64_C(5400000000) },
	}, sizes[] = {
		{ "64M", 0, MIB(64) }, { "2G", 0, GIB(2) }, { "1024", 0, 1024 }, { "4K", 0, 4096 }, { "1T", 0, GIB(1024) }, { "7B", 0, 7 },
		{ "4k", -EINVAL, 0 },  { "", -EINVAL, 0 },  { "M", -EINVAL, 0 }, { "1 M", -EINVAL, 0 }, { "18446744073709551615K", -ERANGE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(times); i++) {
		uint64_t v = 0;
		assert_int_equal(parse_time_span(times[i].text, &v), times[i].r);
		assert_int_equal(v, times[i].value);
	}
	for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
		uint64_t v = 0;
		assert_int_equal(parse_size(sizes[i].text, &v), sizes[i].r);
		assert_int_equal(v, sizes[i].value);
	}
}

/* ── text ── */

static void test_clean(void **state) {
	static const struct { const char *in, *out; } cases[] = {
		{ "plain", "plain" },           { "grün €", "grün €" },           { "\033[31m", "?[31m" },        { "a\nb\tc\x7f", "a?b?c?" },
		{ "\xff", "\xef\xbf\xbd" },     { "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" }, { "\xc2\x9b", "?" }, { "\xe2\x80\xae", "?" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, { "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "a\xc3", "a\xef\xbf\xbd" },   { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" }, { "\xe2\x80\xa8", "?" }, { "", "" },
		{ "\u061c", "?" },              { "ssh\u200bd", "ssh?d" },         { "a\u2060\u2064\u206f", "a???" }, { "\ufeffx", "?x" },
		{ "\U000e0041\U000e007f", "??" }, { "\ufff9", "?" },               { "co\u00adre", "co?re" },
		{ "\u200c\u200d\u2027\u2070\u202f", "\u200c\u200d\u2027\u2070\u202f" },
	};
	char b[64];

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		size_t n = text_clean(cases[i].in, strlen(cases[i].in), b, sizeof(b));
		_cleanup_free_ char *dup = text_clean_dup(cases[i].in, strlen(cases[i].in));

		assert_string_equal(b, cases[i].out);
		assert_int_equal(n, strlen(b));
		assert_string_equal(dup, cases[i].out);
	}
	/* Cut at a character's border, into any size; not beyond the length, not behind a NUL. */
	for (size_t size = 0; size < 8; size++) {
		memset(b, 'x', sizeof(b));
		text_clean("a€b", 5, b, size);
		if (size > 0)
			assert_string_equal(b, size < 2 ? "" : size < 5 ? "a" : size < 6 ? "a€" : "a€b");
		assert_int_equal(b[size], 'x');
	}
	text_clean("a\0b", 3, b, sizeof(b));
	assert_string_equal(b, "a?b");
}

static void test_figures(void **state) {
	static const struct { uint64_t value; const char *group, *bytes; } cases[] = {
		{ 0, "0", "0 bytes" },     { 1, "1", "1 byte" },        { 999, "999", "999 bytes" }, { 1000, "1 000", "1000 bytes" },
		{ 1024, "1 024", "1 KiB" }, { 439872, "439 872", "429.6 KiB" }, { MIB(2), "2 097 152", "2 MiB" }, { MIB(1) - 1, "1 048 575", "1 MiB" },
		{ UINT64_MAX, "18 446 744 073 709 551 615", "16777216 TiB" },
	};
	char b[32];

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		assert_string_equal(text_group(cases[i].value, b, sizeof(b)), cases[i].group);
		assert_string_equal(text_bytes(cases[i].value, b, sizeof(b)), cases[i].bytes);
	}
}

static void test_ellipsize(void **state) {
	static const struct { const char *in; size_t max; const char *out; } cases[] = {
		{ "hello", 5, "hello" }, { "hello!", 5, "he…" }, { "ab€€€€", 7, "ab…" }, { "ab€€€€", 8, "ab€…" }, { "€€", 4, "…" }, { "", 4, "" },
	};
	char b[32];

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		strcpy(b, cases[i].in);
		text_ellipsize(b, cases[i].max);
		assert_string_equal(b, cases[i].out);
		assert_true(strlen(b) <= cases[i].max);
	}
}

/* ── hash ── */

static void hash_two(const char *a, const char *b, char ret[static HASH_TEXT_SIZE]) {
	_cleanup_(hash_freep) struct hash *h = NULL;

	assert_int_equal(hash_new(&h), 0);
	hash_add_string(h, a);
	hash_add_string(h, b);
	hash_finish(h, ret);
}

static void test_hash(void **state) {
	_cleanup_(hash_freep) struct hash *h = NULL;
	char a[HASH_TEXT_SIZE], b[HASH_TEXT_SIZE];

	(void)state;
	hash_two("ab", "c", a);
	hash_two("a", "bc", b);
	assert_string_not_equal(a, b);
	hash_two("ab", "c", b);
	assert_string_equal(a, b);
	assert_true(is_hex(a, 32));
	hash_two(NULL, "", a);
	hash_two("", NULL, b);
	assert_string_equal(a, b);
	/* SHA-256 of the bytes 01 00 00 00 00 00 00 00 'x': an id of today is an id of next year. */
	assert_int_equal(hash_new(&h), 0);
	hash_add(h, "x", 1);
	hash_finish(h, a);
	assert_string_equal(a, "f91b14e7bbea4c5bfa0e1a7040177166");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena),    cmocka_unit_test(test_arena_limit), cmocka_unit_test(test_arena_no_limit),
		cmocka_unit_test(test_arena_strings), cmocka_unit_test(test_io),     cmocka_unit_test(test_read_whole),
		cmocka_unit_test(test_write_atomically), cmocka_unit_test(test_numbers), cmocka_unit_test(test_words),
		cmocka_unit_test(test_units),    cmocka_unit_test(test_clean),       cmocka_unit_test(test_figures),
		cmocka_unit_test(test_ellipsize), cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests_name("util", tests, NULL, NULL);
}
