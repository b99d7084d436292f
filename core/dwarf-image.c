/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See dwarf-image.h. Two passes: the sections are chosen and their sizes added up against the limits, then one block of
 * memory of exactly that size is filled. A claimed size is never believed further than that: a section that does not
 * inflate to exactly what it says is damage.
 */
#include "core/dwarf-image-private.h"

#include <libdeflate.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/zstd-library.h"
#include "util/library.h"

/* libdw reads values of up to 16 bytes; sections of real files are aligned to at most this. */
#define SECTION_ALIGNMENT 16u
/* From here on a huge page more or less does not count. */
#define HUGE_PAGES_FROM MIB(16)
/* Below it a few faults cost no more than a call. */
#define POPULATE_FROM KIB(32)
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* glibc's headers have it since 2.35 */
#endif

static struct {
	typeof(libdeflate_alloc_decompressor) *alloc_decompressor;
	typeof(libdeflate_zlib_decompress) *zlib_decompress;
	typeof(libdeflate_free_decompressor) *free_decompressor;
} deflate;

static int load_deflate(void) {
	static const struct library_function functions[] = {
		{ "libdeflate_alloc_decompressor", &deflate.alloc_decompressor },
		{ "libdeflate_zlib_decompress", &deflate.zlib_decompress },
		{ "libdeflate_free_decompressor", &deflate.free_decompressor },
	};
	static struct library library = LIBRARY(DEFLATE_SONAME, functions);

	return library_load(&library);
}

/* Header, sections, their names, section headers: places only. Returns its size. */
static size_t lay_out(struct dwarf_parts *parts, bool is64, size_t *ret_names_at, size_t *ret_headers_at) {
	size_t at = is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr), name_at = 1;

	for (size_t i = 0; i < parts->n; i++) {
		struct dwarf_part *p = &parts->list[i];

		at = (at + SECTION_ALIGNMENT - 1) & ~(size_t)(SECTION_ALIGNMENT - 1);
		p->at = at;
		p->name_at = name_at;
		at += p->size;
		name_at += strlen(p->name) + 1;
	}
	*ret_names_at = at;
	at = (at + name_at + SECTION_ALIGNMENT - 1) & ~(size_t)(SECTION_ALIGNMENT - 1);
	*ret_headers_at = at;
	return at + (parts->n + 2) * (is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr));
}

static void put_header(uint8_t *to, bool is64, const GElf_Ehdr *from, size_t headers_at, size_t n) {
	Elf64_Ehdr e64 = { .e_type = from->e_type, .e_machine = from->e_machine, .e_version = EV_CURRENT,
			   .e_ehsize = sizeof(e64), .e_shoff = headers_at, .e_shentsize = sizeof(Elf64_Shdr),
			   .e_shnum = (Elf64_Half)n, .e_shstrndx = (Elf64_Half)(n - 1) };
	Elf32_Ehdr e32 = { .e_type = from->e_type, .e_machine = from->e_machine, .e_version = EV_CURRENT,
			   .e_ehsize = sizeof(e32), .e_shoff = (Elf32_Off)headers_at,
			   .e_shentsize = sizeof(Elf32_Shdr), .e_shnum = (Elf32_Half)n,
			   .e_shstrndx = (Elf32_Half)(n - 1) };

	memcpy(e64.e_ident, from->e_ident, EI_NIDENT);
	memcpy(e32.e_ident, from->e_ident, EI_NIDENT);
	memcpy(to, is64 ? (const void *)&e64 : &e32, is64 ? sizeof(e64) : sizeof(e32));
}

static void put_section(uint8_t *to, bool is64, size_t i, uint32_t type, size_t name_at, size_t at, size_t size) {
	Elf64_Shdr s64 = { .sh_name = (Elf64_Word)name_at, .sh_type = type, .sh_offset = at, .sh_size = size,
			   .sh_addralign = 1 };
	Elf32_Shdr s32 = { .sh_name = (Elf32_Word)name_at, .sh_type = type, .sh_offset = (Elf32_Off)at,
			   .sh_size = (Elf32_Word)size, .sh_addralign = 1 };

	memcpy(to + i * (is64 ? sizeof(s64) : sizeof(s32)), is64 ? (const void *)&s64 : &s32,
	       is64 ? sizeof(s64) : sizeof(s32));
}

/* One call for all pages of what will be written now, instead of a fault for each. A wish: Linux 5.14 has it. */
static void populate(uint8_t *to, size_t size) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE), skip = -(uintptr_t)to & (page - 1);

	if (size > skip + POPULATE_FROM)
		(void)madvise(to + skip, (size - skip) & ~(page - 1), MADV_POPULATE_WRITE);
}

static int fill(const struct dwarf_part *p, uint8_t *to, struct libdeflate_decompressor *inflater) {
	size_t n;

	populate(to, p->size);
	switch (p->packing) {
	case SECTION_PLAIN:
		memcpy(to, p->packed, p->size);
		return 0;
	case SECTION_ZLIB:
		/* With no place for the count it succeeds only if exactly so many bytes come out. */
		if (!inflater)
			return -EOPNOTSUPP;
		return deflate.zlib_decompress(inflater, p->packed, p->packed_size, to, p->size, NULL) ==
				       LIBDEFLATE_SUCCESS ? 0 : -EBADMSG;
	case SECTION_ZSTD:
		if (zstd_load() < 0)
			return -EOPNOTSUPP;
		n = zstd.decompress(to, p->size, p->packed, p->packed_size);
		return !zstd.isError(n) && n == p->size ? 0 : -EBADMSG;
	}
	return -EBADMSG;
}

/* Through a window of our own: what libelf has mapped stays mapped, and the packed pages would count as ours beside
 * what came out of them. Without one, from where libelf has them. */
static int fill_by_window(const struct dwarf_part *p, int fd, uint8_t *to, struct libdeflate_decompressor *inflater) {
	uint64_t start = p->offset & ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
	size_t skip = (size_t)(p->offset - start);
	struct dwarf_part moved = *p;
	struct stat st;
	uint8_t *window;
	int r;

	if (fd < 0 || p->packing == SECTION_PLAIN || fstat(fd, &st) < 0 || (uint64_t)st.st_size < p->offset ||
	    (uint64_t)st.st_size - p->offset < p->packed_size)
		return fill(p, to, inflater);
	window = mmap(NULL, skip + p->packed_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, (off_t)start);
	if (window == MAP_FAILED)
		return fill(p, to, inflater);
	moved.packed = window + skip;
	r = fill(&moved, to, inflater);
	munmap(window, skip + p->packed_size);
	return r;
}

static bool has_zlib(const struct dwarf_parts *parts) {
	for (size_t i = 0; i < parts->n; i++)
		if (parts->list[i].packing == SECTION_ZLIB && !parts->list[i].later)
			return true;
	return false;
}

static int fill_parts(const struct dwarf_parts *parts, int fd, uint8_t *bytes) {
	struct libdeflate_decompressor *inflater = NULL;
	int r = 0;

	if (has_zlib(parts) && load_deflate() == 0) {
		inflater = deflate.alloc_decompressor();
		r = inflater ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < parts->n && r == 0; i++)
		if (!parts->list[i].later)
			r = fill_by_window(&parts->list[i], fd, bytes + parts->list[i].at, inflater);
	if (inflater)
		deflate.free_decompressor(inflater);
	return r;
}

static bool is_native(const GElf_Ehdr *header) {
	return header->e_ident[EI_DATA] == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB);
}

/* Places and contents of all but the sections themselves. */
static void put_frame(const struct dwarf_parts *parts, const GElf_Ehdr *header, size_t names_at, size_t headers_at,
		      uint8_t *bytes) {
	bool is64 = header->e_ident[EI_CLASS] == ELFCLASS64;
	size_t end = 1;

	put_header(bytes, is64, header, headers_at, parts->n + 2);
	for (size_t i = 0; i < parts->n; i++) {
		const struct dwarf_part *p = &parts->list[i];

		memcpy(bytes + names_at + p->name_at, p->name, strlen(p->name) + 1);
		end = p->name_at + strlen(p->name) + 1;
		put_section(bytes + headers_at, is64, i + 1, SHT_PROGBITS, p->name_at, p->at, p->size);
	}
	/* The names' own section goes without one: nobody looks for it by name. */
	put_section(bytes + headers_at, is64, parts->n + 1, SHT_STRTAB, 0, names_at, end);
}

int dwarf_image_make(Elf *elf, int fd, struct dwarf_parts *parts, struct dwarf_image *ret_image) {
	struct dwarf_image image;
	size_t names_at, headers_at;
	GElf_Ehdr header;
	void *bytes;
	int r;

	if (!gelf_getehdr(elf, &header) || !is_native(&header) || parts->n == 0)
		return -EBADMSG;
	image.size = lay_out(parts, header.e_ident[EI_CLASS] == ELFCLASS64, &names_at, &headers_at);
	bytes = mmap(NULL, image.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return -ENOMEM;
	image.bytes = bytes;
	/* Not malloc(): 2 MiB pages, where there are some, save most of the page faults of a few hundred megabytes. */
	if (image.size >= HUGE_PAGES_FROM)
		(void)madvise(bytes, image.size, MADV_HUGEPAGE);
	r = fill_parts(parts, fd, image.bytes);
	if (r < 0) {
		dwarf_image_free(&image);
		return r;
	}
	put_frame(parts, &header, names_at, headers_at, image.bytes);
	*ret_image = image;
	return 0;
}

int dwarf_image_build(Elf *elf, int fd, enum dwarf_image_use use, struct dwarf_image *ret_image) {
	struct dwarf_parts parts = { .n = 0 };
	int r = dwarf_parts_find(elf, use, &parts);

	return r < 0 ? r : dwarf_image_make(elf, fd, &parts, ret_image);
}

void dwarf_image_free(struct dwarf_image *image) {
	if (image->bytes)
		munmap(image->bytes, image->size);
	*image = (struct dwarf_image){ .bytes = NULL };
}
