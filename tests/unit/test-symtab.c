/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/symtab.c: which symbol an address gets, alone and in a batch; core/dwarf-ranges.c: nested and overlapping ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/dwarf-ranges.h"
#include "core/symtab.h"

#define TEXT_START 0x1000u
#define TEXT_SIZE 0x1000u

/* A file that has nothing but symbols. */
struct table_file {
	Elf64_Ehdr header;
	Elf64_Shdr sections[4];
	Elf64_Sym symbols[24];
	char strings[512];
	size_t n, used;
};

static void table_add(struct table_file *t, const char *name, uint64_t value, uint64_t size, unsigned binding,
		      unsigned type, uint16_t section) {
	assert_true(t->n < ELEMENTSOF(t->symbols) && t->used + strlen(name) + 1 <= sizeof(t->strings));
	t->symbols[t->n++] = (Elf64_Sym){
		.st_name = (Elf64_Word)t->used,
		.st_info = (unsigned char)ELF64_ST_INFO(binding, type),
		.st_shndx = section,
		.st_value = value,
		.st_size = size,
	};
	strcpy(t->strings + t->used, name);
	t->used += strlen(name) + 1;
}

static Elf *table_open(struct table_file *t) {
	Elf *elf;

	t->header = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_shoff = offsetof(struct table_file, sections),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 4,
		.e_shstrndx = 3,
	};
	t->sections[1] = (Elf64_Shdr){ .sh_type = SHT_NOBITS,
				       .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
				       .sh_addr = TEXT_START,
				       .sh_size = TEXT_SIZE };
	t->sections[2] = (Elf64_Shdr){
		.sh_type = SHT_SYMTAB,
		.sh_offset = offsetof(struct table_file, symbols),
		.sh_size = t->n * sizeof(Elf64_Sym),
		.sh_link = 3,
		.sh_entsize = sizeof(Elf64_Sym),
		.sh_addralign = 8,
	};
	t->sections[3] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
				       .sh_offset = offsetof(struct table_file, strings),
				       .sh_size = t->used,
				       .sh_addralign = 1 };
	elf = elf_memory((char *)t, sizeof(*t));
	assert_non_null(elf);
	return elf;
}

static void expect(Elf *elf, uint64_t address, const char *name, uint64_t start, uint64_t size) {
	struct symtab_query q = { .address = address };

	symtab_resolve(elf, SYMTAB_FULL, &q, 1);
	if (!name) {
		assert_null(q.name);
		return;
	}
	assert_non_null(q.name);
	assert_string_equal(q.name, name);
	assert_int_equal(q.start, start);
	assert_int_equal(q.size, size);
}

static void test_symtab_choice(void **state) {
	struct table_file t = { .n = 1, .used = 1 };
	Elf *elf;

	(void)state;
	table_add(&t, "GLIBC_2.8", 0x1000, 0x100, STB_GLOBAL, STT_FUNC, SHN_ABS);
	table_add(&t, "imported", 0, 0, STB_GLOBAL, STT_FUNC, SHN_UNDEF);
	table_add(&t, "__clone3", 0x1000, 0x40, STB_GLOBAL, STT_FUNC, 1);
	table_add(&t, "clone3", 0x1000, 0x40, STB_WEAK, STT_FUNC, 1);
	table_add(&t, "aaa_local", 0x1000, 0x40, STB_LOCAL, STT_FUNC, 1);
	table_add(&t, "gsignal", 0x1040, 0x10, STB_WEAK, STT_FUNC, 1);
	table_add(&t, "raise", 0x1040, 0x10, STB_GLOBAL, STT_FUNC, 1);
	table_add(&t, "big", 0x1100, 0x100, STB_GLOBAL, STT_FUNC, 1);
	table_add(&t, "nested", 0x1140, 0x10, STB_LOCAL, STT_FUNC, 1);
	table_add(&t, "label_in_big", 0x1150, 0, STB_LOCAL, STT_NOTYPE, 1);
	table_add(&t, "asm_one", 0x1300, 0, STB_GLOBAL, STT_NOTYPE, 1);
	table_add(&t, "local_label", 0x1310, 0, STB_LOCAL, STT_NOTYPE, 1);
	table_add(&t, "asm_two", 0x1340, 0, STB_GLOBAL, STT_FUNC, 1);
	table_add(&t, "table", 0x1348, 0x8, STB_GLOBAL, STT_OBJECT, 1);
	table_add(&t, "$x", 0x1350, 0, STB_LOCAL, STT_NOTYPE, 1);
	table_add(&t, "sized", 0x1400, 0x10, STB_GLOBAL, STT_GNU_IFUNC, 1);
	table_add(&t, "wraps", 0x1500, UINT64_MAX - 0x10, STB_GLOBAL, STT_FUNC, 1);
	table_add(&t, "last", 0x1600, 0, STB_GLOBAL, STT_FUNC, 1);
	elf = table_open(&t);
	expect(elf, 0x1000, "clone3", 0x1000, 0x40);
	expect(elf, 0x1045, "raise", 0x1040, 0x10);
	expect(elf, 0x1060, NULL, 0, 0);
	expect(elf, 0x1100, "big", 0x1100, 0x100);
	expect(elf, 0x1144, "nested", 0x1140, 0x10);
	expect(elf, 0x1158, "big", 0x1100, 0x100);
	expect(elf, 0x1200, NULL, 0, 0);
	expect(elf, 0x1305, "asm_one", 0x1300, 0x40);
	expect(elf, 0x1338, "asm_one", 0x1300, 0x40);
	expect(elf, 0x13ff, "asm_two", 0x1340, 0xc0);
	expect(elf, 0x140f, "sized", 0x1400, 0x10);
	expect(elf, 0x1410, NULL, 0, 0);
	expect(elf, 0x1fff, "last", 0x1600, 0xa00);
	expect(elf, 0x2000, NULL, 0, 0);
	expect(elf, 0xfff, NULL, 0, 0);
	elf_end(elf);
}

/* Many at once give what each gives alone. */
static void test_symtab_batch(void **state) {
	struct table_file t = { .n = 1, .used = 1 };
	struct symtab_query all[256];
	Elf *elf;

	(void)state;
	table_add(&t, "one", 0x1000, 0x80, STB_GLOBAL, STT_FUNC, 1);
	table_add(&t, "two", 0x1100, 0, STB_GLOBAL, STT_FUNC, 1);
	table_add(&t, "three", 0x1180, 0x20, STB_LOCAL, STT_FUNC, 1);
	table_add(&t, "four", 0x1400, 0, STB_LOCAL, STT_NOTYPE, 1);
	table_add(&t, "five", 0x1800, 0x700, STB_WEAK, STT_FUNC, 1);
	elf = table_open(&t);
	for (size_t i = 0; i < ELEMENTSOF(all); i++)
		all[i] = (struct symtab_query){ .address = 0xf00 + i * 0x11 };
	symtab_resolve(elf, SYMTAB_FULL, all, ELEMENTSOF(all));
	for (size_t i = 0; i < ELEMENTSOF(all); i++)
		expect(elf, all[i].address, all[i].name, all[i].start, all[i].size);
	elf_end(elf);
}

static void test_ranges(void **state) {
	struct ranges r = { 0 };
	size_t at = SIZE_MAX;

	(void)state;
	assert_null(ranges_next(&r, 5, &at));
	assert_int_equal(ranges_add(&r, 10, 100, 1, 8), 0);
	assert_int_equal(ranges_add(&r, 20, 30, 2, 8), 0);
	assert_int_equal(ranges_add(&r, 25, 28, 3, 8), 0);
	assert_int_equal(ranges_add(&r, 200, 200, 4, 8), 0);
	assert_int_equal(ranges_add(&r, 300, 250, 5, 8), 0);
	assert_int_equal(r.n, 3);
	assert_int_equal(ranges_add(&r, 1, 2, 6, 3), -E2BIG);
	ranges_sort(&r);
	at = SIZE_MAX;
	assert_int_equal(ranges_next(&r, 26, &at)->value, 3);
	assert_int_equal(ranges_next(&r, 26, &at)->value, 2);
	assert_int_equal(ranges_next(&r, 26, &at)->value, 1);
	assert_null(ranges_next(&r, 26, &at));
	at = SIZE_MAX;
	assert_int_equal(ranges_next(&r, 99, &at)->value, 1);
	at = SIZE_MAX;
	assert_null(ranges_next(&r, 100, &at));
	at = SIZE_MAX;
	assert_null(ranges_next(&r, 9, &at));
	ranges_free(&r);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symtab_choice),
		cmocka_unit_test(test_symtab_batch),
		cmocka_unit_test(test_ranges),
	};

	elf_version(EV_CURRENT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
