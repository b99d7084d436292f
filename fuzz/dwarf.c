/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hostile ELF file behind a well-made core: its call frame information, symbols, DWARF and separate debug info. The
 * input is the program's file, and, if its build-id is the one that fuzz/make-seeds gives, also the debug file of a
 * stripped library. The core is made around it: its first page, threads that stand in its functions, and stacks of
 * return addresses into it.
 */
#include "analyze.h"

#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core-writer.h"

#define BASE UINT64_C(0x555555554000)
#define LIBRARY UINT64_C(0x7f1000000000)
#define STACK UINT64_C(0x7ffe00000000)
#define STACK_BYTES 0x2000u
#define N_PCS 48u
#define N_THREADS 6u
#define BUILD_ID "\xc0\xde\xc0\xde\xc0\xde\xc0\xde\xc0\xde\xc0\xde\xc0\xde\xc0\xde\xc0\xde\xc0\xde"
#define DEBUG_PATH "/.build-id/c0/dec0dec0dec0dec0dec0dec0dec0dec0dec0de.debug"

static int file = -EBADF, library = -EBADF, cache = -EBADF;
static char folder[] = "/tmp/fuzz-dwarf-XXXXXX", debug_dirs[PATH_MAX];
static const char *const made[] = { DEBUG_PATH, "/.build-id/c0", "/.build-id", "" };

/* The library, in the file and in the core's memory: one PT_LOAD, and a note with the build-id. */
struct library {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[2];
	Elf64_Nhdr note;
	char name[4];
	uint8_t id[20];
};

static struct library make_library(uint16_t machine) {
	struct library l = {
		.ehdr = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_DYN,
			.e_machine = machine,
			.e_version = EV_CURRENT,
			.e_phoff = offsetof(struct library, phdrs),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2 },
		.phdrs = { { .p_type = PT_LOAD,
				   .p_flags = PF_R | PF_X,
				   .p_filesz = sizeof(l),
				   .p_memsz = 0x10000,
				   .p_align = 4096 },
			{ .p_type = PT_NOTE,
				.p_offset = offsetof(struct library, note),
				.p_vaddr = offsetof(struct library, note),
				.p_filesz = sizeof(l) - offsetof(struct library, note),
				.p_memsz = sizeof(l) - offsetof(struct library, note) } },
		.note = { 4, 20, NT_GNU_BUILD_ID },
		.name = "GNU",
	};

	memcpy(l.id, BUILD_ID, sizeof(l.id));
	return l;
}

static void clean_up(void) {
	for (size_t i = 0; i < ELEMENTSOF(made); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s%s", folder, made[i]);
		(void)remove(path);
	}
}

static void set_up(void) {
	char path[PATH_MAX], target[64];

	if (strstr(folder, "-XXXXXX") == NULL)
		return;
	elf_version(EV_CURRENT);
	fuzz_check(mkdtemp(folder));
	atexit(clean_up);
	snprintf(debug_dirs, sizeof(debug_dirs), "%s", folder);
	for (size_t i = ELEMENTSOF(made) - 1; i-- > 0;) {
		snprintf(path, sizeof(path), "%s%s", folder, made[i]);
		snprintf(target, sizeof(target), "/proc/self/fd/%d", file);
		fuzz_check(i == 0 ? symlink(target, path) == 0 : mkdir(path, 0700) == 0);
	}
}

/* Addresses worth standing at: functions, and some steps through code, whatever the file says of itself. */
static size_t find_pcs(const uint8_t *data, size_t size, uint64_t *pcs) {
	Elf *elf = elf_memory((char *)(uintptr_t)data, size);
	size_t n = 0, n_phdrs = 0;
	GElf_Shdr header;
	GElf_Ehdr ehdr;

	if (elf && gelf_getehdr(elf, &ehdr))
		pcs[n++] = ehdr.e_entry;
	for (Elf_Scn *scn = elf ? elf_nextscn(elf, NULL) : NULL; scn; scn = elf_nextscn(elf, scn)) {
		Elf_Data *d =
			gelf_getshdr(scn, &header) && (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM)
				? elf_getdata(scn, NULL)
				: NULL;

		for (int i = 1; d && i < 64 && n < N_PCS / 2; i++) {
			GElf_Sym s;
			if (gelf_getsym(d, i, &s) && GELF_ST_TYPE(s.st_info) == STT_FUNC)
				pcs[n++] = s.st_value + MIN(s.st_size / 2, (GElf_Xword)64);
		}
	}
	if (!elf || elf_getphdrnum(elf, &n_phdrs) < 0)
		n_phdrs = 0;
	for (size_t i = 0; i < MIN(n_phdrs, (size_t)16); i++) {
		GElf_Phdr p;
		if (gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_LOAD && (p.p_flags & PF_X))
			for (size_t k = 0; k < 12 && n < N_PCS; k++)
				pcs[n++] = p.p_vaddr + k * MIN(MAX(p.p_memsz, (GElf_Xword)12), (GElf_Xword)4096) / 12;
	}
	while (n < N_PCS) {
		pcs[n] = (uint64_t)n * 0x55;
		n++;
	}
	elf_end(elf);
	return n;
}

/* Return addresses and saved frame pointers in turns. */
static void put_stacks(struct writer *w, const uint64_t *pcs) {
	writer_map(w, STACK, STACK_BYTES, "rw", STACK_BYTES);
	for (uint64_t at = 0; at + 8 <= STACK_BYTES; at += 8) {
		uint64_t i = at / 8, word = i % 2 ? BASE + pcs[i / 2 % N_PCS] : STACK + at + 16 * (1 + i % 3);

		if (i % 16 == 5)
			word = LIBRARY + 0x100 + i % 0x400;
		writer_put(w, STACK + at, word);
	}
	for (uint32_t t = 0; t < N_THREADS; t++) {
		uint64_t sp = STACK + t * 0x300, pc = t == 3 ? LIBRARY + 0x120 : BASE + pcs[t * 7 % N_PCS];

		writer_thread(w, 100 + (int32_t)t, "rip", pc, "rsp", sp, "rbp", sp + 16, "rbx", pc, "r12", sp + 64,
			"rax", UINT64_C(0), NULL);
	}
	writer_signal(w, 11, 1, 0x10);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static int core_fd = -EBADF;
	_cleanup_(writer_freep) struct writer *w = NULL;
	struct library l = make_library(EM_X86_64);
	uint64_t pcs[N_PCS], page = MIN(size, (size_t)4096);
	char path[64], library_path[64];

	fuzz_file(&file, data, size);
	fuzz_file(&library, (const uint8_t *)&l, sizeof(l));
	set_up();
	find_pcs(data, size, pcs);
	w = writer_new(EM_X86_64);
	writer_map(w, BASE, 0x40000, "rx", 4096);
	if (page > 0)
		writer_bytes(w, BASE, data, page);
	writer_map(w, LIBRARY, 0x10000, "rx", 4096);
	writer_bytes(w, LIBRARY, &l, sizeof(l));
	put_stacks(w, pcs);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	snprintf(library_path, sizeof(library_path), "/proc/self/fd/%d", library);
	writer_file(w, BASE, BASE + 0x40000, 0, path);
	writer_file(w, LIBRARY, LIBRARY + 0x10000, 0, library_path);
	{
		const struct core_options options = { .debug_dirs = debug_dirs, .cache_fd = cache };
		_cleanup_blob_ struct blob b = writer_build(w);

		fuzz_file(&core_fd, b.data, b.length);
		analyze_file(core_fd, &options);
	}
	return 0;
}
