/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which sections of a file are needed, how each is packed, and what it claims to hold. See dwarf-image-private.h.
 */
#include "core/dwarf-image-private.h"

/* Sum of all inflated sections. ceph-osd, the largest that Debian has in one file short of browsers, takes 624 MB; the
 * worker's address space is bounded anyway, and what does not fit here falls back to the symbol table. */
#define INFLATED_MAX MIB(1536)
/* Deflate cannot pack better than 1032 to 1: who claims more is lying, and gets no memory for it. */
#define DEFLATE_RATIO_MAX 1032u

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
static void look_at_old_packing(struct dwarf_part *part, uint64_t *ret_size) {
	if (part->packed_size < 12 || memcmp(part->packed, "ZLIB", 4) != 0)
		return;
	*ret_size = read_be64(part->packed + 4);
	part->packing = SECTION_ZLIB;
	part->packed += 12;
	part->offset += 12;
	part->packed_size -= 12;
}

/* libdeflate and libzstd take the stream behind the compression header. */
static int look_at_packing(Elf *elf, Elf_Scn *scn, struct dwarf_part *part, uint64_t *ret_size) {
	size_t header = gelf_getclass(elf) == ELFCLASS32 ? sizeof(Elf32_Chdr) : sizeof(Elf64_Chdr);
	GElf_Chdr packed;

	if (!gelf_getchdr(scn, &packed) || part->packed_size < header)
		return -EBADMSG;
	if (packed.ch_type != CHDR_ZLIB && packed.ch_type != CHDR_ZSTD)
		return -EOPNOTSUPP;
	part->packing = packed.ch_type == CHDR_ZLIB ? SECTION_ZLIB : SECTION_ZSTD;
	part->packed += header;
	part->offset += header;
	part->packed_size -= header;
	*ret_size = packed.ch_size;
	return 0;
}

/* What one section holds and claims to hold. */
static int look_at_section(Elf *elf, Elf_Scn *scn, const GElf_Shdr *header, bool old, struct dwarf_part *part,
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
	if (part->packing == SECTION_ZLIB && size / DEFLATE_RATIO_MAX > part->packed_size)
		return -EBADMSG;
	if (size > INFLATED_MAX || *total + size > INFLATED_MAX)
		return -EFBIG;
	part->size = (size_t)size;
	*total += size;
	return 0;
}

/* Of sections of one name the first counts. */
static bool has_part(const struct dwarf_parts *parts, const char *name) {
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

int dwarf_parts_find(Elf *elf, enum dwarf_image_use use, struct dwarf_parts *parts) {
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
		parts->list[parts->n] = (struct dwarf_part){ .name = name };
		r = look_at_section(elf, scn, &header, old, &parts->list[parts->n], &parts->total);
		if (r < 0)
			return r;
		parts->n += parts->list[parts->n].size > 0;
	}
	return parts->any_packed ? 0 : -ENODATA;
}

const struct dwarf_part *dwarf_parts_get(const struct dwarf_parts *parts, const char *name) {
	for (size_t i = 0; i < parts->n; i++)
		if (streq(parts->list[i].name, name))
			return &parts->list[i];
	return NULL;
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
		struct dwarf_part part = { .packing = SECTION_PLAIN };
		GElf_Shdr header;
		const char *name = section_name(elf, names, scn, &header);
		bool old = name && str_has_prefix(name, ".zdebug_");

		if (!name || (!old && !(header.sh_flags & SHF_COMPRESSED)))
			continue;
		r = look_at_section(elf, scn, &header, old, &part, &total);
		if (r < 0)
			return r;
		/* zstd needs elfutils 0.189. */
		if (part.packing == SECTION_ZSTD && elf_compress(scn, 0, 0) < 0)
			return -EOPNOTSUPP;
	}
	return 0;
}
