/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-load.h. */
#include "core/dwarf-load.h"

#include "core/dwarf-select.h"

bool dwarf_present(Elf *elf) {
	return elf_find_section(elf, ".debug_info") || elf_find_section(elf, ".zdebug_info");
}

static int open_image(struct dwarf_handle *h, uint8_t *bytes, size_t size) {
	h->image_elf = elf_memory((char *)bytes, size);
	if (!h->image_elf)
		return -ENOMEM;
	/* An image of ours has nothing packed; in one that somebody else made libdw would inflate it without limits. */
	if (elf_kind(h->image_elf) != ELF_K_ELF || dwarf_image_is_packed(h->image_elf))
		return -EBADMSG;
	h->dwarf = dwarf_begin_elf(h->image_elf, DWARF_C_READ, NULL);
	return h->dwarf ? 0 : -EBADMSG;
}

int dwarf_load(Elf *elf, int fd, enum dwarf_image_use use, struct dwarf_handle *ret_handle) {
	struct dwarf_handle h = { .dwarf = NULL };
	int r;

	if (use == DWARF_IMAGE_SYMBOLS && !dwarf_present(elf))
		return -ENODATA;
	if (use == DWARF_IMAGE_FRAMES && !elf_find_section(elf, ".debug_frame") &&
	    !elf_find_section(elf, ".zdebug_frame"))
		return -ENODATA;
	r = dwarf_image_build(elf, fd, use, &h.image);
	if (r == 0) {
		r = open_image(&h, h.image.bytes, h.image.size);
	} else if (r == -ENODATA) {
		/* Nothing is packed. */
		h.dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
		r = h.dwarf ? 0 : -EBADMSG;
	}
	if (r < 0) {
		dwarf_unload(&h);
		return r;
	}
	*ret_handle = h;
	return 0;
}

static struct dwarf_part plain_part(const char *name, const uint8_t *bytes, size_t size) {
	return (struct dwarf_part){ .name = name, .packed = bytes, .packed_size = size, .size = size };
}

/* .debug_info becomes what was selected, and its index too; line tables come when the units can be asked for them. */
static int shape_parts(struct dwarf_parts *parts, const struct selection *selection) {
	for (size_t i = 0; i < parts->n; i++) {
		struct dwarf_part *p = &parts->list[i];

		if (streq(p->name, ".debug_info"))
			*p = plain_part(p->name, selection->bytes, selection->size);
		else if (streq(p->name, ".debug_aranges"))
			*p = plain_part(p->name, selection->aranges, selection->aranges_size);
		p->later = streq(p->name, ".debug_line");
	}
	return selection->size > 0 ? 0 : -ENOENT;
}

static int load_selection(Elf *elf, int fd, struct dwarf_parts *parts, struct selection *selection,
			  struct dwarf_handle *h) {
	const struct dwarf_part *abbrevs = dwarf_parts_get(parts, ".debug_abbrev"), *lines = dwarf_parts_get(parts, ".debug_line");
	int r = dwarf_image_make(elf, fd, parts, &h->image);

	if (r < 0)
		return r;
	if (!abbrevs || !selection_is_closed(selection, h->image.bytes + abbrevs->at, abbrevs->size))
		return -ENOENT;
	r = open_image(h, h->image.bytes, h->image.size);
	if (r < 0 || !lines)
		return r < 0 || selection->far.n == 0 ? r : -EAGAIN;
	return selection_fill_lines(selection, h->dwarf, lines, fd, h->image.bytes + lines->at);
}

static int load_units(Elf *elf, int fd, const uint64_t *addresses, size_t n, bool leave_out, struct dwarf_handle *ret_handle) {
	_cleanup_(selection_free) struct selection selection = { .bytes = NULL };
	struct dwarf_handle h = { .dwarf = NULL };
	struct dwarf_parts parts = { .n = 0 };
	GElf_Ehdr header;
	int r = dwarf_parts_find(elf, DWARF_IMAGE_SYMBOLS, &parts);

	if (r >= 0)
		r = gelf_getehdr(elf, &header) ? 0 : -EBADMSG;
	if (r >= 0)
		r = selection_make(&parts, fd, addresses, n, header.e_entry, leave_out, &selection);
	if (r >= 0)
		r = shape_parts(&parts, &selection);
	if (r >= 0)
		r = load_selection(elf, fd, &parts, &selection, &h);
	if (r < 0) {
		dwarf_unload(&h);
		return r;
	}
	h.partial = true;
	h.far = selection.far;
	*ret_handle = h;
	return 0;
}

int dwarf_load_units(Elf *elf, int fd, const uint64_t *addresses, size_t n, struct dwarf_handle *ret_handle) {
	int r = load_units(elf, fd, addresses, n, true, ret_handle);

	return r == -EAGAIN ? load_units(elf, fd, addresses, n, false, ret_handle) : r;
}

int dwarf_load_inflated(struct cache_entry *entry, struct dwarf_handle *ret_handle) {
	struct dwarf_handle h = { .dwarf = NULL };
	int r = open_image(&h, entry->data, entry->size);

	if (r < 0) {
		dwarf_unload(&h);
		return r;
	}
	h.entry = *entry;
	*entry = (struct cache_entry){ .data = NULL };
	*ret_handle = h;
	return 0;
}

int dwarf_load_whole(Elf *elf, struct dwarf_handle *ret_handle) {
	struct dwarf_handle h = { .dwarf = NULL };
	int r = dwarf_image_check(elf);

	if (r < 0)
		return r;
	h.dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (!h.dwarf)
		return -EBADMSG;
	*ret_handle = h;
	return 0;
}

void dwarf_unload(struct dwarf_handle *h) {
	if (h->dwarf)
		dwarf_end(h->dwarf);
	if (h->image_elf)
		elf_end(h->image_elf);
	dwarf_image_free(&h->image);
	cache_entry_close(&h->entry);
	*h = (struct dwarf_handle){ .dwarf = NULL };
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

int dwarf_load_empty(struct dwarf_handle *ret_handle) {
	struct dwarf_handle h = { .image_elf = elf_memory((char *)&empty_file, sizeof(empty_file)) };

	h.dwarf = h.image_elf ? dwarf_begin_elf(h.image_elf, DWARF_C_READ, NULL) : NULL;
	if (!h.dwarf) {
		dwarf_unload(&h);
		return -ENOMEM;
	}
	*ret_handle = h;
	return 0;
}
