/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core/symbols.c and what it rests on, against this very program: its functions, inlined chains and lines are known
 * here. The program must be built with debug info (-g) and a build-id (-Wl,--build-id): without them the tests fail,
 * they are not skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "self-core.h"

#define noinline __attribute__((noinline))
#define always_inline inline __attribute__((always_inline))
#define BARRIER() __asm__ volatile("" ::: "memory")

/* ── known code ───────────────────────────────────────────────────────────────────────────────────────────── */

static noinline uint64_t here(void) {
	BARRIER();
	return (uint64_t)(uintptr_t)__builtin_return_address(0);
}

enum { LINE_INNER = __LINE__ + 2 };
static always_inline uint64_t inner_function(void) {
	uint64_t pc = here();
	BARRIER();
	return pc;
}

enum { LINE_MIDDLE = __LINE__ + 2 };
static always_inline uint64_t middle_function(void) {
	uint64_t pc = inner_function();
	BARRIER();
	return pc;
}

enum { LINE_OUTER = __LINE__ + 3 };
uint64_t test_symbols_outer(void);
noinline uint64_t test_symbols_outer(void) {
	uint64_t pc = middle_function();
	BARRIER();
	return pc;
}

enum { LINE_PLAIN = __LINE__ + 2 };
static noinline uint64_t plain_function(void) {
	uint64_t pc = here();
	BARRIER();
	return pc;
}

/* ── tests ────────────────────────────────────────────────────────────────────────────────────────────────── */

static void test_function_and_line(void **state) {
	uint64_t pc = plain_function();
	const struct cw_symbol *s = resolve(*state, pc, false);

	assert_non_null(s);
	assert_string_equal(s->at.function, "plain_function");
	assert_string_equal(s->linkage_name, "plain_function");
	assert_true(str_has_suffix(s->at.file, "tests/unit/test-symbols.c"));
	assert_int_equal(s->at.line, LINE_PLAIN);
	assert_int_equal(s->n_inlined, 0);
	assert_int_equal(s->start, (uint64_t)(uintptr_t)&plain_function);
	assert_true(pc > s->start && pc <= s->start + s->size);
}

static void test_inlined_chain(void **state) {
	const struct cw_symbol *s = resolve(*state, test_symbols_outer(), false);

	assert_non_null(s);
	assert_int_equal(s->n_inlined, 2);
	assert_string_equal(s->inlined[0].function, "inner_function");
	assert_int_equal(s->inlined[0].line, LINE_INNER);
	assert_string_equal(s->inlined[1].function, "middle_function");
	assert_int_equal(s->inlined[1].line, LINE_MIDDLE);
	assert_string_equal(s->at.function, "test_symbols_outer");
	assert_int_equal(s->at.line, LINE_OUTER);
	for (size_t i = 0; i < 2; i++)
		assert_true(str_has_suffix(s->inlined[i].file, "tests/unit/test-symbols.c"));
	assert_true(str_has_suffix(s->at.file, "tests/unit/test-symbols.c"));
	assert_int_equal(s->start, (uint64_t)(uintptr_t)&test_symbols_outer);
}

static void test_exact_and_return_address(void **state) {
	uint64_t entry = (uint64_t)(uintptr_t)&plain_function;
	const struct cw_symbol *exact = resolve(*state, entry, true), *after = resolve(*state, entry, false);

	assert_non_null(exact);
	assert_string_equal(exact->at.function, "plain_function");
	/* What returns to the first byte of a function was called by what lies before it. */
	assert_true(!after || !after->at.function || !streq(after->at.function, "plain_function"));
	assert_ptr_equal(resolve(*state, entry + 1, false), exact);
}

uint64_t strict_dwarf2(uint64_t (*here)(void));
uint64_t strict_dwarf2_elsewhere(uint64_t (*here)(void));
int _start(void);

/* Looking for what no unit has must not lose what .debug_aranges alone says. */
_unused_ static void test_ranges_that_the_unit_does_not_tell(void **state) {
	uint64_t one = strict_dwarf2(here), other = strict_dwarf2_elsewhere(here);
	const struct cw_symbol *s;

	resolve(*state, (uint64_t)(uintptr_t)&_start, true);
	s = resolve(*state, one, false);
	assert_non_null(s);
	assert_string_equal(s->at.function, "strict_dwarf2");
	assert_int_equal(s->n_inlined, 1);
	s = resolve(*state, other, false);
	assert_non_null(s);
	assert_string_equal(s->at.function, "strict_dwarf2_elsewhere");
	assert_int_equal(s->n_inlined, 1);
	assert_string_equal(s->inlined[0].function, "strict_dwarf2_inlined");
	assert_true(str_has_suffix(s->inlined[0].file, "tests/unit/strict-dwarf2.c"));
	assert_true(s->inlined[0].line > 0);
}

_unused_ static void test_call_site_unknown(void **state) {
	const struct cw_symbol *s = resolve(*state, strict_dwarf2(here), false);

	assert_non_null(s);
	assert_int_equal(s->n_inlined, 1);
	assert_null(s->at.file);
	assert_int_equal(s->at.line, 0);
}

static void test_nothing_known(void **state) {
	struct fixture *f = *state;

	assert_null(resolve(f, 0, true));
	assert_null(resolve(f, 0, false));
	assert_null(resolve(f, 1, false));
	assert_null(resolve(f, 0x1000, true));
	assert_null(resolve(f, UINT64_MAX, true));
	assert_int_equal(symbols_resolve(&f->core, NULL, 0), 0);
}

static void test_module_without_file(void **state) {
	struct fixture *f = *state;
	Elf *elf = f->modules[0].elf;
	uint64_t start, end, address;

	f->modules[0].elf = NULL;
	assert_null(resolve(f, plain_function(), false));
	assert_int_equal(symbols_find(&f->core, &f->modules[0], "main", &address), -ENOENT);
	assert_int_equal(symbols_function_bounds(&f->core, plain_function(), &start, &end), -ENOENT);
	f->modules[0].elf = elf;
}

static void test_batch_of_all_kinds(void **state) {
	struct fixture *f = *state;
	struct symbol_query q[] = {
		{ .pc = plain_function() },
		{ .pc = 0 },
		{ .pc = (uint64_t)(uintptr_t)&a64l, .exact = true },
		{ .pc = test_symbols_outer() },
		{ .pc = plain_function() },
		{ .pc = 0x10, .exact = true },
		{ .pc = (uint64_t)(uintptr_t)&plain_function, .exact = true },
	};

	q[4].pc = q[0].pc;
	assert_int_equal(symbols_resolve(&f->core, q, ELEMENTSOF(q)), 0);
	assert_string_equal(q[0].symbol->at.function, "plain_function");
	assert_null(q[1].symbol);
	assert_string_equal(q[2].symbol->at.function, "a64l");
	assert_string_equal(q[3].symbol->at.function, "test_symbols_outer");
	assert_ptr_equal(q[4].symbol, q[0].symbol);
	assert_null(q[5].symbol);
	assert_string_equal(q[6].symbol->at.function, "plain_function");
}

static void test_module_is_described(void **state) {
	struct fixture *f = *state;

	resolve(f, plain_function(), false);
	assert_int_equal(f->infos[0].debuginfo, CW_DEBUGINFO_DWARF);
	assert_string_equal(f->infos[0].language, "C");
#ifdef __OPTIMIZE__
	assert_int_equal(f->infos[0].optimized, 1);
#elif !defined(__clang__)
	assert_int_equal(f->infos[0].optimized, 0);
#endif
	/* No frame of libc was looked up. */
	assert_int_equal(f->infos[1].debuginfo, CW_DEBUGINFO_NONE);
	assert_null(f->infos[1].language);
}

static void test_find_by_name(void **state) {
	struct fixture *f = *state;
	uint64_t address = 7;

	assert_int_equal(symbols_find(&f->core, &f->modules[0], "test_symbols_outer", &address), 0);
	assert_int_equal(address, (uint64_t)(uintptr_t)&test_symbols_outer);
	assert_int_equal(symbols_find(&f->core, &f->modules[0], "plain_function", &address), 0);
	assert_int_equal(address, (uint64_t)(uintptr_t)&plain_function);
	assert_int_equal(symbols_find(&f->core, &f->modules[1], "a64l", &address), 0);
	assert_int_equal(address, (uint64_t)(uintptr_t)&a64l);
	address = 7;
	/* Used here, defined elsewhere. */
	assert_int_equal(symbols_find(&f->core, &f->modules[0], "a64l", &address), -ENOENT);
	assert_int_equal(symbols_find(&f->core, &f->modules[0], "no_such_symbol", &address), -ENOENT);
	assert_int_equal(symbols_find(&f->core, &f->modules[0], "", &address), -ENOENT);
	assert_int_equal(symbols_find(&f->core, NULL, "main", &address), -ENOENT);
	assert_int_equal(address, 7);
}

static void test_function_bounds(void **state) {
	struct fixture *f = *state;
	uint64_t start, end, pc = test_symbols_outer();

	assert_int_equal(symbols_function_bounds(&f->core, pc - 1, &start, &end), 0);
	assert_int_equal(start, (uint64_t)(uintptr_t)&test_symbols_outer);
	assert_true(end >= pc);
	assert_int_equal(symbols_function_bounds(&f->core, 0x1000, &start, &end), -ENOENT);
}

static void test_symbol_table_without_dwarf(void **state) {
	struct fixture *f = *state;
	uint64_t pc = test_symbols_outer();
	const struct cw_symbol *s;

	use_copy(f);
	hide_section(f, ".debug_info");
	s = resolve(f, pc, false);
	assert_non_null(s);
	assert_string_equal(s->at.function, "test_symbols_outer");
	assert_null(s->at.file);
	assert_int_equal(s->n_inlined, 0);
	assert_int_equal(s->start, (uint64_t)(uintptr_t)&test_symbols_outer);
	assert_int_equal(f->infos[0].debuginfo, CW_DEBUGINFO_SYMTAB);
	assert_int_equal(f->infos[0].optimized, -1);
}

/* Puts a copy of our own file where a build-id leads, and makes the module one without DWARF. */
static void build_id_folder(struct fixture *f, char path[static 256]) {
	const uint8_t *id;
	size_t n = elf_build_id(f->modules[0].elf, &id), used;
	char folder[128];

	assert_true(n >= 4);
	strcpy(f->dir, P_tmpdir "/test-symbols-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->core.options.debug_dirs = f->dir;
	snprintf(folder, sizeof(folder), "%s/.build-id", f->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(folder, sizeof(folder), "%s/.build-id/%02x", f->dir, id[0]);
	assert_int_equal(mkdir(folder, 0700), 0);
	used = (size_t)snprintf(path, 256, "%s/", folder);
	for (size_t i = 1; i < n; i++)
		used += (size_t)snprintf(path + used, 256 - used, "%02x", id[i]);
	snprintf(path + used, 256 - used, ".debug");
}

static void remove_folder(struct fixture *f, char *path) {
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
	rmdir(f->dir);
}

static void write_file(const char *path, const char *data, size_t n) {
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, data, n), 0);
}

static void test_separate_file_by_build_id(void **state) {
	struct fixture *f = *state;
	const struct cw_symbol *s;
	char path[256];

	build_id_folder(f, path);
	use_copy(f);
	write_file(path, f->image, f->image_bytes);
	hide_section(f, ".debug_info");
	s = resolve(f, test_symbols_outer(), false);
	remove_folder(f, path);
	assert_non_null(s);
	assert_int_equal(s->n_inlined, 2);
	assert_int_equal(s->at.line, LINE_OUTER);
	assert_int_equal(f->infos[0].debuginfo, CW_DEBUGINFO_DWARF);
}

static void test_separate_file_of_another_build(void **state) {
	struct fixture *f = *state;
	const struct cw_symbol *s;
	const uint8_t *id;
	char path[256];

	build_id_folder(f, path);
	use_copy(f);
	assert_true(elf_build_id(f->modules[0].elf, &id) > 0);
	*(uint8_t *)(uintptr_t)id ^= 1;
	write_file(path, f->image, f->image_bytes);
	*(uint8_t *)(uintptr_t)id ^= 1;
	hide_section(f, ".debug_info");
	s = resolve(f, test_symbols_outer(), false);
	remove_folder(f, path);
	assert_non_null(s);
	assert_null(s->at.file);
	assert_int_equal(f->infos[0].debuginfo, CW_DEBUGINFO_SYMTAB);
}

static void test_fifo_instead_of_a_file(void **state) {
	struct fixture *f = *state;
	struct debug_file file;
	char path[256];

	build_id_folder(f, path);
	use_copy(f);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(debug_file_open(path, &file), -EINVAL);
	hide_section(f, ".debug_info");
	assert_non_null(resolve(f, test_symbols_outer(), false));
	remove_folder(f, path);
	assert_int_equal(f->infos[0].debuginfo, CW_DEBUGINFO_SYMTAB);
}

/* Whatever the debug sections say, a lookup ends and gives a symbol or none. The same 40 mutants every time. */
static void test_damaged_debug_info(void **state) {
	static const char *const sections[] = { ".debug_info", ".debug_abbrev", ".debug_line", ".symtab", ".strtab" };
	struct fixture *f = *state;
	uint64_t pc = test_symbols_outer(), start = f->infos[0].start, end = f->infos[0].end;
	_cleanup_free_ char *good = NULL;
	uint32_t seed = 42;

	use_copy(f);
	good = malloc(f->image_bytes);
	assert_non_null(good);
	memcpy(good, f->image, f->image_bytes);
	for (unsigned round = 0; round < 40; round++) {
		size_t index;
		GElf_Shdr header;

		symbols_free(f->core.symbols);
		memcpy(f->image, good, f->image_bytes);
		use_copy(f);
		header = find_section(f, sections[round % ELEMENTSOF(sections)], &index);
		for (unsigned i = 0; i < 1u << round % 8; i++) {
			seed = seed * 1664525 + 1013904223;
			f->image[header.sh_offset + (seed >> 4) % header.sh_size] ^= (char)(1 + (seed >> 24) % 255);
		}
		use_copy(f);
		assert_int_equal(symbols_new(&f->core, &f->core.symbols), 0);
		resolve(f, pc, false);
		for (uint64_t at = start; at < end; at += 61)
			resolve(f, at, true);
	}
}

static void test_arena_at_its_limit(void **state) {
	struct fixture *f = *state;
	struct symbol_query q = { .pc = plain_function() };
	struct arena *good = f->core.arena;

	assert_int_equal(arena_new(8, &f->core.arena), 0);
	assert_int_equal(symbols_resolve(&f->core, &q, 1), -ENOMEM);
	arena_free(f->core.arena);
	f->core.arena = good;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_function_and_line),
		TEST(test_inlined_chain),
		TEST(test_exact_and_return_address),
#ifndef __clang__ /* which tells of no inlined function in strict-dwarf2.c */
		TEST(test_ranges_that_the_unit_does_not_tell),
		TEST(test_call_site_unknown),
#endif
		TEST(test_nothing_known),
		TEST(test_module_without_file),
		TEST(test_batch_of_all_kinds),
		TEST(test_module_is_described),
		TEST(test_find_by_name),
		TEST(test_function_bounds),
		TEST(test_symbol_table_without_dwarf),
		TEST(test_separate_file_by_build_id),
		TEST(test_separate_file_of_another_build),
		TEST(test_fifo_instead_of_a_file),
		TEST(test_damaged_debug_info),
		TEST(test_arena_at_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
