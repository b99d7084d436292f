/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See dwarf-image.h. Two passes: the sections are chosen and their sizes added up against the limits, then one block of
 * memory of exactly that size is filled. A claimed size is never believed further than that: a section that does not
 * inflate to exactly what it says is damage.
 */
#include "core/dwarf-image.h"

#include <libdeflate.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zstd.h>

/* Sum of all inflated sections. ceph-osd, the largest that Debian has in one file short of browsers, takes 624 MB; the
 * worker's address space is bounded anyway, and what does not fit here falls back to the symbol table. */
#define INFLATED_MAX MIB(1536)
/* Deflate cannot pack better than 1032 to 1: who claims more is lying, and gets no memory for it. */
#define DEFLATE_RATIO_MAX 1032u
/* libdw reads values of up to 16 bytes; sections of real files are aligned to at most this. */
#define SECTION_ALIGNMENT 16u
/* A file has each needed section once; a damaged one may have thousands. */
#define PARTS_MAX 24u

struct wanted {
	const char *name;
	enum dwarf_image_use use;
};

/* Not here: .debug_loc and .debug_loclists (only the form of a location counts), .debug_macro, .debug_pubnames. */
static const struct wanted wanted[] = {
	{ ".debug_info", DWARF_IMAGE_SYMBOLS },     { ".debug_types", DWARF_IMAGE_SYMBOLS },
	{ ".debug_abbrev", DWARF_IMAGE_SYMBOLS },   { ".debug_line", DWARF_IMAGE_SYMBOLS },
	{ ".debug_str", DWARF_IMAGE_SYMBOLS },      { ".debug_line_str", DWARF_IMAGE_SYMBOLS },
	{ ".debug_str_offsets", DWARF_IMAGE_SYMBOLS }, { ".debug_addr", DWARF_IMAGE_SYMBOLS },
	{ ".debug_ranges", DWARF_IMAGE_SYMBOLS },   { ".debug_rnglists", DWARF_IMAGE_SYMBOLS },
	{ ".debug_aranges", DWARF_IMAGE_SYMBOLS },  { ".gnu_debugaltlink", DWARF_IMAGE_SYMBOLS },
	 { ".debug_frame", DWARF_IMAGE_FRAMES },
};

/* <elf.h> has ELFCOMPRESS_ZSTD since glibc 2.37 only. */
enum { CHDR_ZLIB = 1, CHDR_ZSTD = 2 };
enum packing { PLAIN, ZLIB, ZSTD };

/* One section on its way into the image. */
struct part {
	const char *name;      /* of wanted[] */
	enum packing packing;
	const uint8_t *packed; /* in the file's mapping */
	uint64_t offset;       /* of packed, in the file */
	size_t packed_size, size;
	size_t at, name_at;    /* in the image */
};

struct parts {
	struct part list[PARTS_MAX];
	size_t n;
	bool any_packed;
	uint64_t total;
};

/* ".zdebug_info" is ".debug_info", packed. NULL: not needed. */
static const char *wanted_name(const char *name, enum dwarf_image_use use) {
	const char *tail = str_has_prefix(name, ".zdebug_") ? name + 2 : name + 1;

	for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
		if (wanted[i].use == use && streq(wanted[i].name + 1, tail))
			return wanted[i].name;
	return NULL;
}

static uint64_t read_be64(const uint8_t *p) {
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value = value << 8 | p[i];
	return value;
}

/* .zdebug_*: "ZLIB", the size in big-endian order whatever the machine, a zlib stream. Without it the section is
 * plain. */
static void look_at_old_packing(struct part *part, uint64_t *ret_size) {
	if (part->packed_size < 12 || memcmp(part->packed, "ZLIB", 4) != 0)
		return;
	*ret_size = read_be64(part->packed + 4);
	part->packing = ZLIB;
	part->packed += 12;
	part->offset += 12;
	part->packed_size -= 12;
}

/* libdeflate and libzstd take the stream behind the compression header. */
static int look_at_packing(Elf *elf, Elf_Scn *scn, struct part *part, uint64_t *ret_size) {
	size_t header = gelf_getclass(elf) == ELFCLASS32 ? sizeof(Elf32_Chdr) : sizeof(Elf64_Chdr);
	GElf_Chdr packed;

	if (!gelf_getchdr(scn, &packed) || part->packed_size < header)
		return -EBADMSG;
	if (packed.ch_type != CHDR_ZLIB && packed.ch_type != CHDR_ZSTD)
		return -EOPNOTSUPP;
	part->packing = packed.ch_type == CHDR_ZLIB ? ZLIB : ZSTD;
	part->packed += header;
	part->offset += header;
	part->packed_size -= header;
	*ret_size = packed.ch_size;
	return 0;
}

/* What one section holds and claims to hold. */
static int look_at_section(Elf *elf, Elf_Scn *scn, const GElf_Shdr *header, bool old, struct part *part,
			   uint64_t *total) {
	Elf_Data *raw = elf_rawdata(scn, NULL);
	uint64_t size;
	int r;

	if (!raw || !raw->d_buf)
		return -EBADMSG;
	part->packed = raw->d_buf;
	part->offset = header->sh_offset;
	part->packed_size = size = raw->d_size;
	if (header->sh_flags & SHF_COMPRESSED) {
		r = look_at_packing(elf, scn, part, &size);
		if (r < 0)
			return r;
	} else if (old) {
		look_at_old_packing(part, &size);
	}
	if (part->packing == ZLIB && size / DEFLATE_RATIO_MAX > part->packed_size)
		return -EBADMSG;
	if (size > INFLATED_MAX || *total + size > INFLATED_MAX)
		return -EFBIG;
	part->size = (size_t)size;
	*total += size;
	return 0;
}

/* Of sections of one name the first counts. */
static bool has_part(const struct parts *parts, const char *name) {
	for (size_t i = 0; i < parts->n; i++)
		if (parts->list[i].name == name)
			return true;
	return false;
}

static const char *section_name(Elf *elf, size_t names, Elf_Scn *scn, GElf_Shdr *ret_header) {
	const char *name;

	if (!gelf_getshdr(scn, ret_header) || ret_header->sh_type == SHT_NOBITS || ret_header->sh_size == 0)
		return NULL;
	name = elf_strptr(elf, names, ret_header->sh_name);
	return name && name[0] == '.' ? name : NULL;
}

static int find_parts(Elf *elf, enum dwarf_image_use use, struct parts *parts) {
	Elf_Scn *scn = NULL;
	size_t names;
	int r;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return -EBADMSG;
	while ((scn = elf_nextscn(elf, scn)) && parts->n < PARTS_MAX) {
		GElf_Shdr header;
		const char *name = section_name(elf, names, scn, &header);
		bool old = name && str_has_prefix(name, ".zdebug_");

		if (!name)
			continue;
		/* Of no use here, but libdw would inflate it, too. */
		parts->any_packed |= old || (header.sh_flags & SHF_COMPRESSED);
		name = wanted_name(name, use);
		if (!name || has_part(parts, name))
			continue;
		parts->list[parts->n] = (struct part){ .name = name };
		r = look_at_section(elf, scn, &header, old, &parts->list[parts->n], &parts->total);
		if (r < 0)
			return r;
		parts->n += parts->list[parts->n].size > 0;
	}
	return parts->any_packed ? 0 : -ENODATA;
}

bool dwarf_image_is_packed(Elf *elf) {
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return true;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr header = { .sh_flags = 0 };
		const char *name = section_name(elf, names, scn, &header);

		if ((name && str_has_prefix(name, ".zdebug_")) || (header.sh_flags & SHF_COMPRESSED))
			return true;
	}
	return false;
}

int dwarf_image_check(Elf *elf) {
	Elf_Scn *scn = NULL;
	uint64_t total = 0;
	size_t names;
	int r;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return -EBADMSG;
	while ((scn = elf_nextscn(elf, scn))) {
		struct part part = { .packing = PLAIN };
		GElf_Shdr header;
		const char *name = section_name(elf, names, scn, &header);
		bool old = name && str_has_prefix(name, ".zdebug_");

		if (!name || (!old && !(header.sh_flags & SHF_COMPRESSED)))
			continue;
		r = look_at_section(elf, scn, &header, old, &part, &total);
		if (r < 0)
			return r;
		/* zstd needs elfutils 0.189. */
		if (part.packing == ZSTD && elf_compress(scn, 0, 0) < 0)
			return -EOPNOTSUPP;
	}
	return 0;
}

/* ── the new file ── */

/* Header, sections, their names, section headers: places only. Returns its size. */
static size_t lay_out(struct parts *parts, bool is64, size_t *ret_names_at, size_t *ret_headers_at) {
	size_t at = is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr), name_at = 1;

	for (size_t i = 0; i < parts->n; i++) {
		struct part *p = &parts->list[i];

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

static int fill(const struct part *p, uint8_t *to, struct libdeflate_decompressor *inflater) {
	size_t n;

	switch (p->packing) {
	case PLAIN:
		memcpy(to, p->packed, p->size);
		return 0;
	case ZLIB:
		/* With no place for the count it succeeds only if exactly so many bytes come out. */
		return libdeflate_zlib_decompress(inflater, p->packed, p->packed_size, to, p->size, NULL) ==
				       LIBDEFLATE_SUCCESS ? 0 : -EBADMSG;
	case ZSTD:
		n = ZSTD_decompress(to, p->size, p->packed, p->packed_size);
		return !ZSTD_isError(n) && n == p->size ? 0 : -EBADMSG;
	}
	return -EBADMSG;
}

/* Through a window of our own: what libelf has mapped stays mapped, and the packed pages would count as ours beside
 * what came out of them. Without one, from where libelf has them. */
static int fill_by_window(const struct part *p, int fd, uint8_t *to, struct libdeflate_decompressor *inflater) {
	uint64_t start = p->offset & ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
	size_t skip = (size_t)(p->offset - start);
	struct part moved = *p;
	struct stat st;
	uint8_t *window;
	int r;

	if (fd < 0 || p->packing == PLAIN || fstat(fd, &st) < 0 || (uint64_t)st.st_size < p->offset ||
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

static int fill_parts(const struct parts *parts, int fd, uint8_t *bytes) {
	struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
	int r = inflater ? 0 : -ENOMEM;

	for (size_t i = 0; i < parts->n && r == 0; i++)
		r = fill_by_window(&parts->list[i], fd, bytes + parts->list[i].at, inflater);
	if (inflater)
		libdeflate_free_decompressor(inflater);
	return r;
}

static bool is_native(const GElf_Ehdr *header) {
	return header->e_ident[EI_DATA] == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB);
}

/* Places and contents of all but the sections themselves. */
static void put_frame(const struct parts *parts, const GElf_Ehdr *header, size_t names_at, size_t headers_at,
		      uint8_t *bytes) {
	bool is64 = header->e_ident[EI_CLASS] == ELFCLASS64;
	size_t end = 1;

	put_header(bytes, is64, header, headers_at, parts->n + 2);
	for (size_t i = 0; i < parts->n; i++) {
		const struct part *p = &parts->list[i];

		memcpy(bytes + names_at + p->name_at, p->name, strlen(p->name) + 1);
		end = p->name_at + strlen(p->name) + 1;
		put_section(bytes + headers_at, is64, i + 1, SHT_PROGBITS, p->name_at, p->at, p->size);
	}
	/* The names' own section goes without one: nobody looks for it by name. */
	put_section(bytes + headers_at, is64, parts->n + 1, SHT_STRTAB, 0, names_at, end);
}

int dwarf_image_build(Elf *elf, int fd, enum dwarf_image_use use, struct dwarf_image *ret_image) {
	struct parts parts = { .n = 0 };
	struct dwarf_image image;
	size_t names_at, headers_at;
	GElf_Ehdr header;
	void *bytes;
	int r;

	if (!gelf_getehdr(elf, &header))
		return -EBADMSG;
	r = find_parts(elf, use, &parts);
	if (r < 0)
		return r;
	if (!is_native(&header) || parts.n == 0)
		return -EBADMSG;
	image.size = lay_out(&parts, header.e_ident[EI_CLASS] == ELFCLASS64, &names_at, &headers_at);
	/* Not malloc(): 2 MiB pages, where there are some, save most of the page faults of a few hundred megabytes. */
	bytes = mmap(NULL, image.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return -ENOMEM;
	image.bytes = bytes;
	(void)madvise(bytes, image.size, MADV_HUGEPAGE);
	r = fill_parts(&parts, fd, image.bytes);
	if (r < 0) {
		dwarf_image_free(&image);
		return r;
	}
	put_frame(&parts, &header, names_at, headers_at, image.bytes);
	*ret_image = image;
	return 0;
}

void dwarf_image_free(struct dwarf_image *image) {
	if (image->bytes)
		munmap(image->bytes, image->size);
	*image = (struct dwarf_image){ .bytes = NULL };
}
