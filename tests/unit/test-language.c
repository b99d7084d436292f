/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/language.c: what a stripped program was written in, by sections and strings of its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <gelf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/language.h"

struct piece {
	const char *section;
	uint32_t type;
	const void *data;
	size_t length;
};

/* A file of these sections; the last is their names. */
static int write_elf(const struct piece *pieces, size_t n) {
	char names[256] = "";
	size_t used = 1;
	int fd = memfd_create("program", MFD_CLOEXEC);
	Elf *elf = elf_begin(fd, ELF_C_WRITE, NULL);

	assert_non_null(elf);
	assert_non_null(gelf_newehdr(elf, ELFCLASS64));
	for (size_t i = 0; i <= n; i++) {
		bool last = i == n;
		const char *name = last ? ".shstrtab" : pieces[i].section;
		Elf_Scn *scn = elf_newscn(elf);
		Elf_Data *data = elf_newdata(scn);
		GElf_Shdr header;

		strcpy(names + used, name);
		assert_non_null(gelf_getshdr(scn, &header));
		header.sh_name = (uint32_t)used;
		header.sh_type = last ? SHT_STRTAB : pieces[i].type;
		/* Dynamic sections take their strings from the one behind them. */
		header.sh_link = !last && pieces[i].type == SHT_DYNAMIC ? (uint32_t)i + 2 : 0;
		header.sh_entsize = !last && pieces[i].type == SHT_DYNAMIC ? sizeof(Elf64_Dyn) : 0;
		assert_true(gelf_update_shdr(scn, &header));
		used += strlen(name) + 1;
		*data = (Elf_Data){ .d_buf = last ? names : (void *)(uintptr_t)pieces[i].data, .d_size = last ? used : pieces[i].length,
			            .d_align = 8, .d_version = EV_CURRENT };
		if (last) {
			Elf64_Ehdr *e = elf64_getehdr(elf);

			e->e_ident[EI_DATA] = ELFDATA2LSB;
			e->e_type = ET_DYN;
			e->e_machine = EM_X86_64;
			e->e_version = EV_CURRENT;
			e->e_shstrndx = (uint16_t)elf_ndxscn(scn);
		}
	}
	assert_true(elf_update(elf, ELF_C_WRITE) > 0);
	elf_end(elf);
	return fd;
}

/* The language that is found in it, where `known` is what debug info said. */
static const char *language_of(const struct piece *pieces, size_t n, const char *known) {
	int fd = write_elf(pieces, n);
	struct cw_module info = { .language = known };
	struct module module = { .info = &info, .elf = elf_begin(fd, ELF_C_READ, NULL) };
	struct core core = { .modules = &module, .module_infos = &info, .pub = { .modules = &info, .n_modules = 1, .program = &info } };

	assert_non_null(module.elf);
	language_of_program(&core);
	elf_end(module.elf);
	close(fd);
	return info.language;
}

#define TEXT(section, text) { section, SHT_PROGBITS, text, sizeof(text) }
#define LANGUAGE(...) language_of((const struct piece[]){ __VA_ARGS__ }, ELEMENTSOF(((const struct piece[]){ __VA_ARGS__ })), NULL)

static void test_signs(void **state) {
	(void)state;
	assert_string_equal(LANGUAGE(TEXT(".text", "x"), TEXT(".note.go.buildid", "x")), "Go");
	assert_string_equal(LANGUAGE(TEXT(".gopclntab", "x")), "Go");
	assert_string_equal(LANGUAGE(TEXT(".comment", "GCC: (Debian 12.2.0)\0rustc version 1.75.0")), "Rust");
	assert_string_equal(LANGUAGE(TEXT(".rodata", "a\0/rustc/0123/library/std/src/panicking.rs")), "Rust");
}

static void test_cxx_library(void **state) {
	static const char strings[] = "\0libc.so.6\0libstdc++.so.6\0libc++.so.1\0libstdc++fs.so.6";
	const Elf64_Dyn needed[] = { { .d_tag = DT_NEEDED, .d_un.d_val = 1 }, { .d_tag = DT_NEEDED, .d_un.d_val = 11 }, { .d_tag = DT_NULL } };
	Elf64_Dyn d[ELEMENTSOF(needed)];
	static const struct {
		uint64_t tag, name;
		bool is_cxx;
	} cases[] = { { DT_NEEDED, 11, true }, { DT_NEEDED, 26, true }, { DT_NEEDED, 38, false }, { DT_NEEDED, 1, false },
		      { DT_SONAME, 11, false }, { DT_NULL, 11, false }, { DT_NEEDED, UINT64_MAX, false } };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		const char *language;

		memcpy(d, needed, sizeof(d));
		d[1].d_tag = (Elf64_Sxword)cases[i].tag;
		d[1].d_un.d_val = cases[i].name;
		language = LANGUAGE({ ".dynamic", SHT_DYNAMIC, d, sizeof(d) }, { ".dynstr", SHT_STRTAB, strings, sizeof(strings) });
		assert_true(cases[i].is_cxx ? language && streq(language, "C++") : language == NULL);
	}
	/* A Rust program may use a C++ library. */
	assert_string_equal(LANGUAGE({ ".dynamic", SHT_DYNAMIC, needed, sizeof(needed) }, { ".dynstr", SHT_STRTAB, strings, sizeof(strings) },
	                             TEXT(".comment", "rustc version 1.75.0")), "Rust");
}

/* Marks elsewhere than where compilers put them say nothing; nor do marks that are cut off. */
static void test_nothing(void **state) {
	static char large[MIB(4) + 64];

	(void)state;
	assert_null(LANGUAGE(TEXT(".text", "x")));
	assert_null(LANGUAGE(TEXT(".comment", "GCC: (Debian 12.2.0)")));
	assert_null(LANGUAGE(TEXT(".data", "rustc version 1.75.0"), TEXT(".comment", "library/std/src/")));
	assert_null(LANGUAGE(TEXT(".rodata", "library/std/sr")));
	/* Not at any price: what stands behind the first 4 MiB is not looked for. */
	memset(large, 'x', sizeof(large));
	memcpy(large + MIB(4), "library/std/src/", 16);
	assert_null(LANGUAGE({ ".rodata", SHT_PROGBITS, large, sizeof(large) }));
	memcpy(large + MIB(4) - 16, "library/std/src/", 16);
	assert_string_equal(LANGUAGE({ ".rodata", SHT_PROGBITS, large, sizeof(large) }), "Rust");
}

/* What debug info says is not guessed again. */
static void test_known(void **state) {
	static const struct piece go[] = { TEXT(".gopclntab", "x") };
	struct core none = {};

	(void)state;
	assert_string_equal(language_of(go, 1, "C"), "C");
	language_of_program(&none);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signs), cmocka_unit_test(test_cxx_library), cmocka_unit_test(test_nothing), cmocka_unit_test(test_known),
	};

	elf_version(EV_CURRENT);
	return cmocka_run_group_tests_name("language", tests, NULL, NULL);
}
