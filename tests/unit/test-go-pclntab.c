/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Go's table of functions, in its four layouts, made by hand: names, lines, stack and inlined calls come out; and whatever one byte of it is changed to, or
 * wherever it ends, nothing is read beyond it (the test runs with the table at the end of a page, behind which nothing may be read).
 * Layouts: golang.org/s/go12symtab, package debug/gosym of Go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "core/go-pclntab.h"

#define TEXT UINT64_C(0x401000)

struct layout {
	uint32_t magic;
	bool offsets, parts, start_line;
	unsigned word;
	bool go12;
};

static const struct layout layouts[] = {
	{ 0xfffffffb, .word = 8, .go12 = true },
	{ 0xfffffffb, .word = 4, .go12 = true },
	{ 0xfffffffa, .parts = true, .word = 8 },
	{ 0xfffffff0, .offsets = true, .parts = true, .word = 8 },
	{ 0xfffffff0, .offsets = true, .parts = true, .word = 4 },
	{ 0xfffffff1, .offsets = true, .parts = true, .start_line = true, .word = 8 },
};

struct table {
	uint8_t bytes[1024];
	size_t size;
};

static void put(struct table *t, size_t at, uint64_t value, size_t bytes) {
	for (size_t i = 0; i < bytes; i++)
		t->bytes[at + i] = (uint8_t)(value >> 8 * i);
	t->size = MAX(t->size, at + bytes);
}

static void put_text(struct table *t, size_t at, const char *text) {
	memcpy(t->bytes + at, text, strlen(text) + 1);
	t->size = MAX(t->size, at + strlen(text) + 1);
}

/* Where the parts lie; the same in all layouts. */
enum { NAMES = 100, UNITS = 180, FILES = 200, VALUES = 240, FUNCTIONS = 300, RECORDS = 64 };

/* A function's record: entry, name, args, deferreturn, pcsp, pcfile, pcln, number of value tables, unit (and first line), ids, number of pointers. */
static void put_record(struct table *t, const struct layout *l, size_t at, uint64_t entry, unsigned name, unsigned pcln) {
	size_t first = l->offsets ? 4 : l->word, base = l->parts ? 0 : VALUES;

	put(t, at, l->offsets ? entry - TEXT : entry, first);
	at += first;
	put(t, at, l->parts ? name : NAMES + name, 4);
	put(t, at + 12, base + 1, 4);
	put(t, at + 16, base + 10, 4);
	put(t, at + 20, base + pcln, 4);
	put(t, at + 24, 3, 4);
	if (l->parts)
		put(t, at + 28, 1, 4); /* unit: files from the second on */
	at += l->parts ? (l->start_line ? 40 : 36) : 32;
	put(t, at - 1, 4, 1);
	put(t, at, 0, 4);
	put(t, at + 4, 0, 4);
	put(t, at + 8, base + 40, 4); /* into the inline tree */
	for (unsigned i = 0; i < 3; i++)
		put(t, at + 12 + 4 * i, UINT32_MAX, 4);
	put(t, at + 24, 16, 4); /* the tree */
}

static void put_header(struct table *t, const struct layout *l) {
	const uint64_t old[] = { 2, 1, NAMES, UNITS, FILES, VALUES, FUNCTIONS }, new[] = { 2, 1, TEXT, NAMES, UNITS, FILES, VALUES, FUNCTIONS };

	put(t, 0, l->magic, 4);
	t->bytes[6] = 1;
	t->bytes[7] = (uint8_t)l->word;
	for (size_t i = 0; i < (l->go12 ? 1 : l->offsets ? ELEMENTSOF(new) : ELEMENTSOF(old)); i++)
		put(t, 8 + i * l->word, l->offsets ? new[i] : old[i], l->word);
}

/* main.first: 0x40 bytes, lines 10 and 12, stack 0 and 24; main.second: 0x20 bytes. Both in the second file. */
static struct table make(const struct layout *l) {
	size_t functions = l->go12 ? 8 + l->word : FUNCTIONS, entry = l->offsets ? 4 : l->word;
	const size_t records[2] = { FUNCTIONS + RECORDS, FUNCTIONS + RECORDS + 80 };
	const uint64_t starts[3] = { TEXT, TEXT + 0x40, TEXT + 0x60 };
	struct table t = { .size = 0 };

	put_header(&t, l);
	for (size_t i = 0; i < 3; i++) {
		put(&t, functions + 2 * i * entry, l->offsets ? starts[i] - TEXT : starts[i], entry);
		if (i < 2)
			put(&t, functions + (2 * i + 1) * entry, l->parts ? records[i] - FUNCTIONS : records[i], entry);
	}
	if (l->go12)
		put(&t, functions + 5 * l->word, UNITS, 4);
	put_text(&t, NAMES, "");
	put_text(&t, NAMES + 1, "main.first");
	put_text(&t, NAMES + 12, "main.second");
	put_text(&t, NAMES + 24, "main.inlined");
	put_text(&t, FILES, "/src/other.go");
	put_text(&t, FILES + 14, "/src/main.go");
	/* 1.2: a count, then places; later: per unit, places. */
	put(&t, UNITS, l->parts ? 0 : 2, 4);
	put(&t, UNITS + 4, l->parts ? 14 : FILES + 14, 4);
	/* Values: +1 (0) for 4 bytes, +24 for the rest. File: 0 (1.2: 1). Lines: 10 for 16 bytes, 12 for the rest. Tree: -1, then 0 for 8 bytes. */
	memcpy(t.bytes + VALUES + 1, (const uint8_t[]){ 2, 4, 48, 0x3c, 0 }, 5);
	memcpy(t.bytes + VALUES + 10, (const uint8_t[]){ l->parts ? 2 : 4, 0x40, 0 }, 3);
	memcpy(t.bytes + VALUES + 20, (const uint8_t[]){ 22, 16, 4, 0x30, 0 }, 5);
	memcpy(t.bytes + VALUES + 30, (const uint8_t[]){ 0x8a, 1, 0x20, 0 }, 4);
	memcpy(t.bytes + VALUES + 40, (const uint8_t[]){ 0, 16, 2, 8, 1, 0x28, 0 }, 7);
	put_record(&t, l, records[0], starts[0], 1, 20);
	put_record(&t, l, records[1], starts[1], 12, 30);
	return t;
}

static void test_functions(void **state) {
	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(layouts); i++) {
		struct table t = make(&layouts[i]);
		struct go_pclntab table;
		struct go_function f;

		assert_int_equal(go_pclntab_open(t.bytes, t.size, 0, &table), 0);
		assert_int_equal(go_pclntab_find(&table, TEXT - 1, &f), -ENOENT);
		assert_int_equal(go_pclntab_find(&table, TEXT + 0x60, &f), -ENOENT);
		assert_int_equal(go_pclntab_find(&table, TEXT + 0x3f, &f), 0);
		assert_string_equal(f.name, "main.first");
		assert_int_equal(f.start, TEXT);
		assert_int_equal(f.end, TEXT + 0x40);
		assert_int_equal(go_pclntab_find(&table, TEXT + 0x40, &f), 0);
		assert_string_equal(f.name, "main.second");
		assert_int_equal(go_pclntab_find_name(&table, "main.second", &f), 0);
		assert_int_equal(f.start, TEXT + 0x40);
		assert_int_equal(go_pclntab_find_name(&table, "main", &f), -ENOENT);
	}
}

static void test_values(void **state) {
	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(layouts); i++) {
		struct table t = make(&layouts[i]);
		struct go_pclntab table;
		const char *file = NULL;
		struct go_function f;
		uint32_t line, bytes;

		assert_int_equal(go_pclntab_open(t.bytes, t.size, 0, &table), 0);
		assert_int_equal(go_pclntab_find(&table, TEXT, &f), 0);
		assert_int_equal(go_function_line(&table, &f, TEXT + 15, &file, &line), 0);
		assert_int_equal(line, 10);
		assert_string_equal(file, "/src/main.go");
		assert_int_equal(go_function_line(&table, &f, TEXT + 16, &file, &line), 0);
		assert_int_equal(line, 12);
		assert_int_equal(go_function_stack(&table, &f, TEXT + 3, &bytes), 0);
		assert_int_equal(bytes, 0);
		assert_int_equal(go_function_stack(&table, &f, TEXT + 4, &bytes), 0);
		assert_int_equal(bytes, 24);
		assert_int_equal(go_pclntab_find(&table, TEXT + 0x50, &f), 0);
		assert_int_equal(go_function_line(&table, &f, TEXT + 0x50, &file, &line), 0);
		assert_int_equal(line, 68);
	}
}

static void test_inlined(void **state) {
	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(layouts); i++) {
		const struct layout *l = &layouts[i];
		struct table t = make(l);
		struct table tree = { .size = l->start_line ? 16 : 20 };
		struct go_pclntab table;
		struct go_inline call;
		struct go_function f;
		uint32_t offset;

		put(&tree, l->start_line ? 4 : 12, 24, 4);
		put(&tree, l->start_line ? 8 : 16, 0x10, 4);
		assert_int_equal(go_pclntab_open(t.bytes, t.size, 0, &table), 0);
		assert_int_equal(go_pclntab_find(&table, TEXT, &f), 0);
		if (!l->offsets) {
			assert_int_equal(go_function_inline_tree(&table, &f, &offset), -ENOENT);
			continue;
		}
		assert_int_equal(go_function_inline_tree(&table, &f, &offset), 0);
		assert_int_equal(offset, 16);
		assert_int_equal(go_function_inline(&table, &f, TEXT + 2, tree.bytes, tree.size, &call), -ENOENT);
		assert_int_equal(go_function_inline(&table, &f, TEXT + 16, tree.bytes, tree.size, &call), 0);
		assert_string_equal(call.name, "main.inlined");
		assert_int_equal(call.caller, TEXT + 0x10);
		assert_int_equal(go_function_inline(&table, &f, TEXT + 16, tree.bytes, tree.size - 1, &call), -EBADMSG);
		put(&tree, l->start_line ? 8 : 16, 0x40, 4);
		assert_int_equal(go_function_inline(&table, &f, TEXT + 16, tree.bytes, tree.size, &call), -EBADMSG);
	}
}

/* A program that may lie anywhere has the text's start in a relocation only. */
static void test_text_from_outside(void **state) {
	struct table t = make(&layouts[3]);
	struct go_pclntab table;
	struct go_function f;

	(void)state;
	put(&t, 8 + 2 * 8, 0, 8);
	assert_int_equal(go_pclntab_text_at(t.bytes), 8 + 2 * 8);
	assert_int_equal(go_pclntab_open(t.bytes, t.size, 0, &table), -ENODATA);
	assert_int_equal(go_pclntab_open(t.bytes, t.size, 0x9000, &table), 0);
	assert_int_equal(go_pclntab_find(&table, 0x9041, &f), 0);
	assert_string_equal(f.name, "main.second");
	t = make(&layouts[0]);
	assert_int_equal(go_pclntab_text_at(t.bytes), 0);
}

/* Everything that can be asked. */
static void ask_all(const uint8_t *data, size_t size) {
	static const uint8_t tree[64];
	struct go_pclntab table;

	if (go_pclntab_open(data, size, 0, &table) < 0)
		return;
	for (uint64_t address = TEXT - 1; address < TEXT + 0x62; address++) {
		struct go_function f;
		struct go_inline call;
		const char *file = NULL;
		uint32_t value;

		if (go_pclntab_find(&table, address, &f) < 0)
			continue;
		assert_true((const uint8_t *)f.name + strlen(f.name) < data + size);
		if (go_function_line(&table, &f, address, &file, &value) == 0 && file)
			assert_true((const uint8_t *)file + strlen(file) < data + size);
		(void)go_function_stack(&table, &f, address, &value);
		(void)go_function_inline_tree(&table, &f, &value);
		if (go_function_inline(&table, &f, address, tree, sizeof(tree), &call) == 0)
			assert_true(call.caller >= f.start && call.caller < f.end);
	}
	(void)go_pclntab_find_name(&table, "main.third", &(struct go_function){ .start = 0 });
}

/* Two pages, of which the second cannot be read. */
static uint8_t *guarded(void) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
	return pages + page;
}

static void test_mutations(void **state) {
	static const uint8_t changes[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	uint8_t *end = guarded();

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(layouts); i++) {
		struct table t = make(&layouts[i]);
		uint8_t *data = end - t.size;

		for (size_t at = 0; at < t.size; at++)
			for (size_t c = 0; c < ELEMENTSOF(changes); c++) {
				memcpy(data, t.bytes, t.size);
				data[at] = changes[c];
				ask_all(data, t.size);
				/* Two bytes: large offsets, and negative ones. */
				if (at + 4 <= t.size) {
					memset(data + at, changes[c], 4);
					ask_all(data, t.size);
				}
			}
	}
}

static void test_cut(void **state) {
	uint8_t *end = guarded();

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(layouts); i++) {
		struct table t = make(&layouts[i]);

		for (size_t size = 0; size < t.size; size++) {
			memcpy(end - size, t.bytes, size);
			ask_all(end - size, size);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions), cmocka_unit_test(test_values), cmocka_unit_test(test_inlined),
		cmocka_unit_test(test_text_from_outside), cmocka_unit_test(test_mutations), cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
