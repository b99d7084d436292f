/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-load.h. Formats: ELF gABI (Elf_Chdr), the GNU .zdebug convention. */
#include "core/dwarf-load.h"

#include <elfutils/libdwelf.h>

/* Sum of all inflated sections. ceph-osd, the largest that Debian has in one file short of browsers, takes 624 MB; the
 * worker's address space is bounded anyway, and what does not fit here falls back to the symbol table. */
#define INFLATED_MAX MIB(1536)

bool dwarf_present(Elf *elf) {
	return elf_find_section(elf, ".debug_info") || elf_find_section(elf, ".zdebug_info");
}

static int check_inflated(Elf *elf) {
	Elf_Scn *scn = NULL;
	uint64_t total = 0;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return -EBADMSG;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr header;
		GElf_Chdr packed;
		const char *name;
		ssize_t n;

		if (!gelf_getshdr(scn, &header) || header.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if ((header.sh_flags & SHF_COMPRESSED) && gelf_getchdr(scn, &packed)) {
			if (packed.ch_type != ELFCOMPRESS_ZLIB && elf_compress(scn, 0, 0) < 0)
				return -EOPNOTSUPP; /* zstd needs elfutils 0.189 */
			if (!add_u64(total, packed.ch_size, &total))
				return -EFBIG;
		} else if (name && str_has_prefix(name, ".zdebug")) {
			n = dwelf_scn_gnu_compressed_size(scn);
			if (n > 0 && !add_u64(total, (uint64_t)n, &total))
				return -EFBIG;
		}
		if (total > INFLATED_MAX)
			return -EFBIG;
	}
	return 0;
}

int dwarf_load(Elf *elf, Dwarf **ret_dwarf) {
	Dwarf *dwarf;
	int r;

	if (!dwarf_present(elf))
		return -ENODATA;
	r = check_inflated(elf);
	if (r < 0)
		return r;
	dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (!dwarf)
		return -EBADMSG;
	*ret_dwarf = dwarf;
	return 0;
}

/* The smallest file that libdw takes: a header, a .debug_info of no units, and the section names. */
static struct empty_file {
	Elf64_Ehdr header;
	Elf64_Shdr sections[3];
	char names[24];
	char unit[8];
} empty_file = {
	.header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_version = EV_CURRENT, .e_ehsize = sizeof(Elf64_Ehdr),
		.e_shoff = offsetof(struct empty_file, sections), .e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 3, .e_shstrndx = 2,
	},
	.sections = {
		[1] = {
			.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = offsetof(struct empty_file, unit),
			.sh_size = sizeof(empty_file.unit), .sh_addralign = 1,
		},
		[2] = {
			.sh_name = 13, .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct empty_file, names),
			.sh_size = sizeof(empty_file.names), .sh_addralign = 1,
		},
	},
	.names = "\0.debug_info\0.shstrtab",
};

int dwarf_load_empty(Elf **ret_elf, Dwarf **ret_dwarf) {
	Elf *elf = elf_memory((char *)&empty_file, sizeof(empty_file));
	Dwarf *dwarf = elf ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;

	if (!dwarf) {
		if (elf)
			elf_end(elf);
		return -ENOMEM;
	}
	*ret_elf = elf;
	*ret_dwarf = dwarf;
	return 0;
}
