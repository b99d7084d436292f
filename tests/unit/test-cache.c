/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cache folder: what is stored comes back, what is damaged, foreign or forged does not, and the size stays within
 * its limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/cache.h"
#include "core/symbols-cache.h"
#include "util/io.h"

#define BUILD_ID "0123456789abcdef0123456789abcdef01234567"

struct folder {
	char path[64];
	struct cache cache;
	struct arena *arena;
};

static int set_up(void **state) {
	struct folder *f = calloc(1, sizeof(*f));

	snprintf(f->path, sizeof(f->path), "/tmp/test-cache-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->cache.fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->cache.max = MIB(1);
	assert_true(f->cache.fd >= 0);
	assert_int_equal(arena_new(MIB(64), &f->arena), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state) {
	struct folder *f = *state;
	char command[128];

	close(f->cache.fd);
	arena_free(f->arena);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->path);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static struct cache_key key_of(const char *kind) {
	const int none = -EBADF;
	struct cache_key key;

	assert_int_equal(cache_make_key(kind, BUILD_ID, &none, 1, &key), 0);
	return key;
}

static char *get(struct folder *f, const char *name, size_t *ret_size) {
	_cleanup_close_ int fd = openat(f->cache.fd, name, O_RDONLY | O_CLOEXEC);
	char *data;

	assert_true(fd >= 0);
	assert_int_equal(read_whole(fd, MIB(4), &data, ret_size), 0);
	return data;
}

static void put(struct folder *f, const char *name, const void *data, size_t size) {
	_cleanup_close_ int fd = openat(f->cache.fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, data, size), 0);
}

static bool exists(struct folder *f, const char *name) {
	return faccessat(f->cache.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_stored_comes_back(void **state) {
	struct folder *f = *state;
	struct cache_key key = key_of("a"), other = key_of("b");
	struct cache_entry e;

	assert_int_equal(cache_open(&f->cache, "x.sym", &key, CACHE_COPY, &e), -ENOENT);
	assert_int_equal(cache_store(&f->cache, "x.sym", &key, "hello", 5), 0);
	assert_int_equal(cache_open(&f->cache, "x.sym", &key, CACHE_MAP, &e), 0);
	assert_int_equal(e.size, 5);
	assert_memory_equal(e.data, "hello", 5);
	cache_entry_close(&e);
	/* Made from other files: of no use any more. */
	assert_int_equal(cache_open(&f->cache, "x.sym", &other, CACHE_COPY, &e), -EBADMSG);
	assert_false(exists(f, "x.sym"));
}

static void test_key_follows_the_file(void **state) {
	struct folder *f = *state;
	struct cache_key before, after;
	int fd;

	put(f, "program", "one", 3);
	fd = openat(f->cache.fd, "program", O_RDWR | O_CLOEXEC);
	assert_int_equal(cache_make_key("symbols", BUILD_ID, &fd, 1, &before), 0);
	assert_int_equal(ftruncate(fd, 2), 0);
	assert_int_equal(cache_make_key("symbols", BUILD_ID, &fd, 1, &after), 0);
	assert_string_not_equal(before.text, after.text);
	close(fd);
}

static void test_names_stay_in_the_folder(void **state) {
	struct folder *f = *state;
	struct cache_key key = key_of("a");

	assert_int_equal(cache_store(&f->cache, "../x", &key, "", 0), -ENOENT);
	assert_int_equal(cache_store(&f->cache, ".x", &key, "", 0), -ENOENT);
	assert_int_equal(cache_store(&f->cache, "", &key, "", 0), -ENOENT);
}

static void test_links_and_others_files_are_refused(void **state) {
	struct folder *f = *state;
	struct cache_key key = key_of("a");
	struct cache_entry e;

	assert_int_equal(cache_store(&f->cache, "x", &key, "hello", 5), 0);
	assert_int_equal(symlinkat("x", f->cache.fd, "y"), 0);
	assert_int_equal(cache_open(&f->cache, "y", &key, CACHE_COPY, &e), -ELOOP);
	assert_int_equal(mkfifoat(f->cache.fd, "fifo", 0600), 0);
	assert_int_equal(cache_open(&f->cache, "fifo", &key, CACHE_COPY, &e), -EBADMSG);
	/* Renamed to stand for another build. */
	assert_int_equal(renameat(f->cache.fd, "x", f->cache.fd, "z"), 0);
	assert_int_equal(cache_open(&f->cache, "z", &key, CACHE_COPY, &e), -EBADMSG);
	assert_int_equal(cache_store(&f->cache, "x", &key, "hello", 5), 0);
	assert_int_equal(fchmodat(f->cache.fd, "x", 0666, 0), 0);
	assert_int_equal(cache_open(&f->cache, "x", &key, CACHE_COPY, &e), -EBADMSG);
	if (geteuid() == 0) {
		assert_int_equal(cache_store(&f->cache, "x", &key, "hello", 5), 0);
		assert_int_equal(fchownat(f->cache.fd, "x", 12345, 12345, 0), 0);
		assert_int_equal(cache_open(&f->cache, "x", &key, CACHE_COPY, &e), -EBADMSG);
	}
}

static void test_longest_unused_go_first(void **state) {
	static uint8_t block[200 << 10];
	struct folder *f = *state;
	struct cache_key key = key_of("a");

	for (int i = 0; i < 8; i++) {
		struct timespec times[2] = { { .tv_sec = 1000 + i }, { .tv_sec = 1000 + (i == 0 ? 100 : i) } };
		char name[8];

		snprintf(name, sizeof(name), "e%d", i);
		assert_int_equal(cache_store(&f->cache, name, &key, block, sizeof(block)), 0);
		assert_int_equal(utimensat(f->cache.fd, name, times, 0), 0);
	}
	/* Five of 200 KiB and their heads fit into 1 MiB: e0 is the latest used. */
	assert_true(exists(f, "e0"));
	assert_true(exists(f, "e7"));
	assert_false(exists(f, "e1"));
	assert_false(exists(f, "e2"));
	assert_int_equal(cache_store(&f->cache, "large", &key, block, MIB(1)), -EFBIG);
}

/* ── symbols ── */

static struct symbol_answer answer(void) {
	static const struct cw_location inlined[] = { { .function = "inner", .file = "/a.h", .line = 3, .column = 4 } };

	return (struct symbol_answer){
		.found = true,
		.symbol = { .at = { .function = "outer(int)", .file = "/a.cpp", .line = 7, .column = 9 },
			    .linkage_name = "_Z5outeri", .start = 0x1000, .size = 0x80, .inlined = inlined, .n_inlined = 1 },
		.evidence = EVIDENCE_PROGRAM, .language = "C++", .optimized = 1,
	};
}

static void fill(struct folder *f) {
	struct symbol_answer a = answer(), none = { .optimized = -1 };
	struct symbols_cache *c;
	const int file = -EBADF;

	assert_int_equal(symbols_cache_open(&f->cache, BUILD_ID, &file, 1, &c), 0);
	symbols_cache_put(c, 0x1010, &a);
	symbols_cache_put(c, 0x999, &none);
	symbols_cache_put_name(c, "prctl", true, 0x4444);
	symbols_cache_put_name(c, "nothing", false, 0);
	symbols_cache_save(c, f->arena, CW_DEBUGINFO_DWARF);
	symbols_cache_free(c);
}

static void check_answer(const struct symbol_answer *a) {
	assert_true(a->found);
	assert_string_equal(a->symbol.at.function, "outer(int)");
	assert_string_equal(a->symbol.at.file, "/a.cpp");
	assert_int_equal(a->symbol.at.line, 7);
	assert_string_equal(a->symbol.linkage_name, "_Z5outeri");
	assert_int_equal(a->symbol.start, 0x1000);
	assert_int_equal(a->symbol.size, 0x80);
	assert_int_equal(a->symbol.n_inlined, 1);
	assert_string_equal(a->symbol.inlined[0].function, "inner");
	assert_int_equal(a->symbol.inlined[0].column, 4);
	assert_string_equal(a->language, "C++");
	assert_int_equal(a->evidence, EVIDENCE_PROGRAM);
	assert_int_equal(a->optimized, 1);
}

static void test_symbols_come_back(void **state) {
	struct folder *f = *state;
	enum cw_debuginfo debuginfo;
	struct symbols_cache *c;
	struct symbol_answer a;
	const int file = -EBADF;
	uint64_t address;

	fill(f);
	assert_int_equal(symbols_cache_open(&f->cache, BUILD_ID, &file, 1, &c), 0);
	assert_true(symbols_cache_known(c, &debuginfo));
	assert_int_equal(debuginfo, CW_DEBUGINFO_DWARF);
	assert_int_equal(symbols_cache_get(c, f->arena, 0x1010, &a), 0);
	check_answer(&a);
	assert_int_equal(symbols_cache_get(c, f->arena, 0x999, &a), 0);
	assert_false(a.found);
	assert_int_equal(a.optimized, -1);
	assert_int_equal(symbols_cache_get(c, f->arena, 0x1011, &a), -ENOENT);
	assert_int_equal(symbols_cache_find(c, "prctl", &address), 0);
	assert_int_equal(address, 0x4444);
	assert_int_equal(symbols_cache_find(c, "nothing", &address), -ENODATA);
	assert_int_equal(symbols_cache_find(c, "other", &address), -ENOENT);
	/* More is added to what was there. */
	a = answer();
	symbols_cache_put(c, 0x10, &a);
	symbols_cache_save(c, f->arena, CW_DEBUGINFO_DWARF);
	symbols_cache_free(c);
	assert_int_equal(symbols_cache_open(&f->cache, BUILD_ID, &file, 1, &c), 0);
	assert_int_equal(symbols_cache_get(c, f->arena, 0x10, &a), 0);
	check_answer(&a);
	assert_int_equal(symbols_cache_get(c, f->arena, 0x1010, &a), 0);
	check_answer(&a);
	assert_int_equal(symbols_cache_find(c, "prctl", &address), 0);
	symbols_cache_free(c);
}

static void test_damage_at_every_byte_is_noticed(void **state) {
	struct folder *f = *state;
	_cleanup_free_ char *good = NULL;
	const int file = -EBADF;
	size_t size;

	fill(f);
	good = get(f, BUILD_ID ".sym", &size);
	for (size_t i = 0; i < 2 * size; i++) {
		enum cw_debuginfo debuginfo;
		struct symbols_cache *c;

		/* Each byte changed, then the file cut before each byte. */
		if (i < size)
			good[i] = (char)(good[i] ^ 0x41);
		put(f, BUILD_ID ".sym", good, i < size ? size : i - size);
		if (i < size)
			good[i] = (char)(good[i] ^ 0x41);
		assert_int_equal(symbols_cache_open(&f->cache, BUILD_ID, &file, 1, &c), 0);
		assert_false(symbols_cache_known(c, &debuginfo));
		symbols_cache_free(c);
	}
}

/* A worker that a core took over can compute checksums, too: then symbols may be wrong, but nothing may be read out of
 * bounds (checked by the sanitizers) or crash. */
static void test_forged_entries_do_no_harm(void **state) {
	static const uint32_t values[] = { 0, 1, 0x7f, 0xffff, 0x10000, 0x7fffffff, 0xfffffff0, UINT32_MAX };
	enum { HEAD = 128, CHECKSUM_AT = 12, CHECKED_FROM = 16 };
	struct folder *f = *state;
	_cleanup_free_ char *good = NULL;
	const int file = -EBADF;
	size_t size;

	fill(f);
	good = get(f, BUILD_ID ".sym", &size);
	for (size_t at = HEAD; at + 4 <= size; at += 4)
		for (size_t k = 0; k < ELEMENTSOF(values); k++) {
			_cleanup_free_ char *bad = malloc(size);
			struct symbols_cache *c;
			struct symbol_answer a;
			uint64_t address;
			uint32_t sum;

			memcpy(bad, good, size);
			memcpy(bad + at, &values[k], 4);
			sum = libdeflate_crc32(0, bad + CHECKED_FROM, size - CHECKED_FROM);
			memcpy(bad + CHECKSUM_AT, &sum, 4);
			put(f, BUILD_ID ".sym", bad, size);
			assert_int_equal(symbols_cache_open(&f->cache, BUILD_ID, &file, 1, &c), 0);
			(void)symbols_cache_get(c, f->arena, 0x1010, &a);
			(void)symbols_cache_get(c, f->arena, 0x999, &a);
			(void)symbols_cache_find(c, "nothing", &address);
			a = answer();
			symbols_cache_put(c, 0x5, &a);
			symbols_cache_save(c, f->arena, CW_DEBUGINFO_DWARF);
			symbols_cache_free(c);
		}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stored_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_key_follows_the_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_stay_in_the_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_links_and_others_files_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_longest_unused_go_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_symbols_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage_at_every_byte_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forged_entries_do_no_harm, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
