/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The language of a program that has neither debug info nor names. What strip leaves behind: Go's own sections, the note
 * of rustc's version in .comment (since 1.74), paths of Rust's standard library in its panic messages, and the C++
 * library among those it is linked with. It decides in whose words advice is given; no verdict rests on it.
 */
#include "core/language.h"

/* Strings come first in .rodata of most programs, and this much of it is looked through at most. */
#define STRINGS_MAX MIB(4)
/* Libraries that a program names. */
#define DYNAMIC_MAX 512

static bool holds(Elf_Scn *section, const char *mark) {
	Elf_Data *data = elf_rawdata(section, NULL);

	return data && data->d_buf && memmem(data->d_buf, MIN(data->d_size, (size_t)STRINGS_MAX), mark, strlen(mark));
}

static bool needs_cxx(Elf *elf, Elf_Scn *section, const GElf_Shdr *header) {
	Elf_Data *data = elf_getdata(section, NULL);

	for (int i = 0; data && i < DYNAMIC_MAX; i++) {
		GElf_Dyn dyn;
		const char *name;

		if (!gelf_getdyn(data, i, &dyn) || dyn.d_tag == DT_NULL)
			return false;
		name = dyn.d_tag == DT_NEEDED ? elf_strptr(elf, header->sh_link, dyn.d_un.d_val) : NULL;
		if (name && (str_has_prefix(name, "libstdc++.so") || str_has_prefix(name, "libc++.so")))
			return true;
	}
	return false;
}

static const char *guess(Elf *elf) {
	static const struct {
		const char *section, *mark, *language; /* mark: NULL, the section itself is enough */
	} signs[] = {
		{ ".note.go.buildid", NULL, "Go" },
		{ ".gopclntab", NULL, "Go" },
		{ ".comment", "rustc version", "Rust" },
		{ ".rodata", "library/std/src/", "Rust" },
	};
	const char *language = NULL;
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

		for (size_t i = 0; name && i < ELEMENTSOF(signs); i++)
			if (streq(name, signs[i].section) && (!signs[i].mark || holds(section, signs[i].mark)))
				return signs[i].language;
		if (name && header.sh_type == SHT_DYNAMIC && needs_cxx(elf, section, &header))
			language = "C++";
	}
	return language;
}

void language_of_program(struct core *core) {
	struct module *m = module_of(core, core->pub.program);

	if (m && m->elf && !m->info->language)
		m->info->language = guess(m->elf);
}
