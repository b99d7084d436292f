/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A struct core by hand whose two modules are the running test program and its C library: no core file, no notes.
 * The test owns the fixture; changed copies of the program's own file live in it.
 */
#pragma once

#include <fcntl.h>
#include <link.h>

#include "core/dwarf-file.h"
#include "core/symbols.h"
#include "util/io.h"

struct fixture {
	struct core core;
	struct module modules[2];
	struct cw_module infos[2];
	char *image;           /* a changed copy of our file, where a test uses one */
	size_t image_bytes;
	char dir[64];          /* with debug files, where a test uses one */
};

static int find_bias(struct dl_phdr_info *info, size_t size, void *data) {
	struct fixture *f = data;
	uint64_t want = (uint64_t)(uintptr_t)&find_bias, libc = (uint64_t)(uintptr_t)&a64l;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + p->p_vaddr, end = start + p->p_memsz;

		if (p->p_type != PT_LOAD)
			continue;
		for (size_t m = 0; m < 2; m++) {
			uint64_t address = m == 0 ? want : libc;

			if (address < start || address >= end)
				continue;
			f->infos[m].bias = info->dlpi_addr;
			f->infos[m].start = start;
			f->infos[m].end = end;
			f->infos[m].path = m == 0 ? "/proc/self/exe" : strdup(info->dlpi_name);
		}
	}
	return 0;
}

static void open_module(struct module *m) {
	m->fd = open(m->info->path, O_RDONLY | O_CLOEXEC);
	assert_true(m->fd >= 0);
	m->elf = elf_begin(m->fd, ELF_C_READ_MMAP, NULL);
	assert_non_null(m->elf);
}

static int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));

	elf_version(EV_CURRENT);
	assert_int_equal(arena_new(MIB(64), &f->core.arena), 0);
	f->core.options.debug_dirs = "/nonexistent";
	f->core.options.cache_fd = -EBADF;
	f->core.modules = f->modules;
	f->core.module_infos = f->infos;
	f->core.pub.modules = f->infos;
	f->core.pub.n_modules = 2;
	dl_iterate_phdr(find_bias, f);
	for (size_t i = 0; i < 2; i++) {
		f->modules[i].info = &f->infos[i];
		f->infos[i].optimized = -1;
		assert_non_null(f->infos[i].path);
		open_module(&f->modules[i]);
	}
	assert_int_equal(symbols_new(&f->core, &f->core.symbols), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *f = *state;

	symbols_free(f->core.symbols);
	for (size_t i = 0; i < 2; i++) {
		if (f->modules[i].elf)
			elf_end(f->modules[i].elf);
		closep(&f->modules[i].fd);
	}
	arena_free(f->core.arena);
	free((char *)(uintptr_t)f->infos[1].path);
	free(f->image);
	free(f);
	return 0;
}

static const struct cw_symbol *resolve(struct fixture *f, uint64_t pc, bool exact) {
	struct symbol_query q = { .pc = pc, .exact = exact };

	assert_int_equal(symbols_resolve(&f->core, &q, 1), 0);
	return q.symbol;
}

/* Replaces the program's own file by a copy that tests may change. */
static void use_copy(struct fixture *f) {
	struct module *m = &f->modules[0];

	if (!f->image)
		assert_int_equal(read_whole(m->fd, MIB(64), &f->image, &f->image_bytes), 0);
	elf_end(m->elf);
	closep(&m->fd);
	m->fd = -EBADF;
	m->elf = elf_memory(f->image, f->image_bytes);
	assert_non_null(m->elf);
}

static GElf_Shdr find_section(struct fixture *f, const char *name, size_t *ret_index) {
	Elf_Scn *scn = elf_find_section(f->modules[0].elf, name);
	GElf_Shdr header;

	assert_non_null(scn);
	assert_non_null(gelf_getshdr(scn, &header));
	*ret_index = elf_ndxscn(scn);
	return header;
}

/* Takes a section out of the copy, as strip does. */
static void hide_section(struct fixture *f, const char *name) {
	ElfW(Ehdr) *header = (ElfW(Ehdr) *)f->image;
	ElfW(Shdr) *sections = (ElfW(Shdr) *)(f->image + header->e_shoff);
	size_t index;

	find_section(f, name, &index);
	sections[index].sh_type = SHT_NOBITS;
	use_copy(f);
}
