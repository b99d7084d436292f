/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-package.h. Numbers are little-endian, as on all machines that cores are read of here. */
#include "core/dwarf-package.h"

#include <dwarf.h>

#include "core/dwarf-file.h"
#include "core/dwarf-load.h"
#include "core/dwarf-package-index.h"

/* One unit with all that belongs to it: the largest known (LTO of a browser, in one unit) has some 100 MiB. */
#define UNIT_MAX MIB(256)
/* All units of one package that are asked for: a stack crosses some dozens. */
#define UNITS_TOTAL_MAX MIB(768)
/* Of addresses and ranges, whose ends the older format does not tell: what one unit uses is in the first of it. */
#define SHARED_MAX MIB(16)
/* An attribute that nobody asks for, to fill four bytes. */
#define FILLER_1 0xff
#define FILLER_2 0x7f

enum { OUT_INFO, OUT_ABBREV, OUT_LINE, OUT_STR, OUT_STR_OFFSETS, OUT_RNGLISTS, OUT_ADDR, OUT_RANGES, N_OUT };
static const char *const out_names[N_OUT] = {
	".debug_info", ".debug_abbrev", ".debug_line", ".debug_str", ".debug_str_offsets", ".debug_rnglists", ".debug_addr", ".debug_ranges",
};
static const char *const part_names[N_PARTS] = {
	".debug_info.dwo", ".debug_abbrev.dwo", ".debug_line.dwo", ".debug_str_offsets.dwo", ".debug_rnglists.dwo",
};

struct package_unit {
	struct package_unit *next;
	uint64_t id;
	uint8_t *image;
	struct dwarf_handle handle;
	Dwarf_Die die;          /* addr NULL: it cannot be used */
};

struct dwarf_package {
	struct debug_file file;
	struct package_bytes index, strings, parts[N_PARTS];
	struct package_unit *units;
	uint64_t used;
};

/* A unit on its way: what its sections are to be. */
struct draft {
	struct package_bytes out[N_OUT];
	uint8_t *info, *abbrev, *strings, *offsets; /* our own copies of some of them */
	unsigned version, address_bytes;
	size_t first;           /* offset of its first entry */
};

static void draft_free(struct draft *d) {
	free(d->info);
	free(d->abbrev);
	free(d->strings);
	free(d->offsets);
}

static struct package_bytes section_bytes(Elf *elf, const char *name) {
	Elf_Scn *scn = elf_find_section(elf, name);
	Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;

	return data && data->d_buf ? (struct package_bytes){ data->d_buf, data->d_size } : (struct package_bytes){ .data = NULL };
}

int dwarf_package_open(const char *path, struct dwarf_package **ret_package) {
	_cleanup_(dwarf_package_freep) struct dwarf_package *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->file.fd = -EBADF;
	r = debug_file_open(path, &p->file);
	if (r < 0)
		return r;
	if (dwarf_image_is_packed(p->file.elf))
		return -EOPNOTSUPP;
	p->index = section_bytes(p->file.elf, ".debug_cu_index");
	p->strings = section_bytes(p->file.elf, ".debug_str.dwo");
	for (size_t i = 0; i < N_PARTS; i++)
		p->parts[i] = section_bytes(p->file.elf, part_names[i]);
	if (p->index.size == 0 || p->parts[PART_INFO].size == 0)
		return -ENODATA;
	*ret_package = take_ptr(p);
	return 0;
}

void dwarf_package_free(struct dwarf_package *p) {
	if (!p)
		return;
	for (struct package_unit *u = p->units, *next; u; u = next) {
		next = u->next;
		dwarf_unload(&u->handle);
		free(u->image);
		free(u);
	}
	debug_file_close(&p->file);
	free(p);
}

/* ── the parts of a unit ── */

/* The unit's header; what lies behind the unit is cut off. 64-bit DWARF does not occur in packages: their index has no room for it. */
static int look_at_header(struct draft *d) {
	struct package_bytes *info = &d->out[OUT_INFO];
	uint64_t length = info->size >= 24 ? package_number(info->data, 4) : 0;

	if (length < 20 || length > info->size - 4)
		return -EBADMSG;
	info->size = (size_t)length + 4;
	d->version = (unsigned)package_number(info->data + 4, 2);
	if (d->version == 5 && info->data[6] != DW_UT_split_compile)
		return -EBADMSG;
	if (d->version != 4 && d->version != 5)
		return -EOPNOTSUPP;
	d->address_bytes = d->version == 5 ? info->data[7] : info->data[10];
	d->first = d->version == 5 ? 20 : 11;
	return d->address_bytes == 4 || d->address_bytes == 8 ? 0 : -EBADMSG;
}

/* The abbreviations anew: the first entry gets DW_AT_low_pc, in the place of the id (DWARF 4) or before all else. */
static int rewrite_abbreviations(struct draft *d) {
	static const uint8_t low[] = { DW_AT_low_pc, DW_FORM_addr, FILLER_1, FILLER_2, DW_FORM_data4 };
	const struct package_bytes *info = &d->out[OUT_INFO], old = d->out[OUT_ABBREV];
	size_t n = d->address_bytes == 8 ? 2 : sizeof(low), at = d->first, begin = 0, cut = 0, cut_end = 0, table;
	uint64_t code;
	int r;

	table = (size_t)package_number(info->data + (d->version == 5 ? 8 : 6), 4);
	if (table >= old.size || !package_leb(info, &at, &code))
		return -EBADMSG;
	r = package_abbreviation_find(&old, table, code, &begin, &cut, &cut_end);
	if (r < 0 || (d->version == 4 && r == 0))
		return -EBADMSG;
	if (d->version == 5)
		cut = cut_end = begin;
	d->abbrev = malloc(old.size + n);
	if (!d->abbrev)
		return -ENOMEM;
	memcpy(d->abbrev, old.data, cut);
	memcpy(d->abbrev + cut, low, n);
	memcpy(d->abbrev + cut + n, old.data + cut_end, old.size - cut_end);
	d->out[OUT_ABBREV] = (struct package_bytes){ d->abbrev, old.size + n - (cut_end - cut) };
	return 0;
}

/* DWARF 5 has the id in the header: an ordinary unit's header ends before it, and its first entry begins there, with the same code and then the address. */
static int rewrite_info(struct draft *d, uint64_t low) {
	struct package_bytes *info = &d->out[OUT_INFO];
	size_t at = d->first, code_bytes;
	uint64_t code;

	d->info = malloc(info->size);
	if (!d->info)
		return -ENOMEM;
	memcpy(d->info, info->data, info->size);
	info->data = d->info;
	if (d->version == 4)
		return 0;
	(void)package_leb(info, &at, &code);
	code_bytes = at - d->first;
	d->info[6] = DW_UT_compile;
	memmove(d->info + d->first - 8, d->info + d->first, code_bytes);
	memset(d->info + d->first - 8 + code_bytes, 0, 8);
	memcpy(d->info + d->first - 8 + code_bytes, &low, d->address_bytes);
	return 0;
}

/* The strings that the unit uses, and where they are now. */
static int rewrite_strings(const struct dwarf_package *p, struct draft *d) {
	struct package_bytes *offsets = &d->out[OUT_STR_OFFSETS];
	size_t at = d->version == 5 ? 8 : 0, used = 1, allocated = MAX(offsets->size * 8, (size_t)KIB(4));

	if (offsets->size == 0)
		return 0;
	d->offsets = malloc(offsets->size);
	d->strings = malloc(allocated);
	if (!d->offsets || !d->strings)
		return -ENOMEM;
	memcpy(d->offsets, offsets->data, offsets->size);
	d->strings[0] = 0;
	for (; at + 4 <= offsets->size; at += 4) {
		uint64_t from = package_number(offsets->data + at, 4);
		const uint8_t *s = p->strings.data + from, *end = from < p->strings.size ? memchr(s, 0, p->strings.size - from) : NULL;
		size_t n = end ? (size_t)(end - s) + 1 : 0;
		uint32_t to = n > 0 ? (uint32_t)used : 0;

		if (used + n > UNIT_MAX)
			return -EFBIG;
		if (used + n > allocated) {
			void *grown = realloc(d->strings, (used + n) * 2);

			if (!grown)
				return -ENOMEM;
			d->strings = grown;
			allocated = (used + n) * 2;
		}
		if (n > 0)
			memcpy(d->strings + used, s, n);
		used += n;
		memcpy(d->offsets + at, &to, sizeof(to));
	}
	offsets->data = d->offsets;
	d->out[OUT_STR] = (struct package_bytes){ d->strings, used };
	return 0;
}

/* What the program itself holds for the unit, from its base on. */
static struct package_bytes shared_part(Dwarf_Die *skeleton, const char *name, unsigned base, unsigned old_base) {
	Elf_Scn *scn = elf_find_section(dwarf_getelf(dwarf_cu_getdwarf(skeleton->cu)), name);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	Dwarf_Attribute attribute;
	Dwarf_Word offset = 0;

	if (!data || !data->d_buf)
		return (struct package_bytes){ .data = NULL };
	if ((dwarf_attr(skeleton, base, &attribute) || dwarf_attr(skeleton, old_base, &attribute)) && dwarf_formudata(&attribute, &offset) != 0)
		return (struct package_bytes){ .data = NULL };
	if (offset >= data->d_size)
		return (struct package_bytes){ .data = NULL };
	return (struct package_bytes){ (const uint8_t *)data->d_buf + offset, (size_t)MIN((uint64_t)data->d_size - offset, SHARED_MAX) };
}

static int collect(const struct dwarf_package *p, Dwarf_Die *skeleton, uint64_t id, uint64_t low, struct draft *d) {
	static const uint8_t to[N_PARTS] = { OUT_INFO, OUT_ABBREV, OUT_LINE, OUT_STR_OFFSETS, OUT_RNGLISTS };
	struct package_slice slices[N_PARTS];
	uint64_t total = 0;
	int r = package_index_find(p->index.data, p->index.size, id, slices);

	if (r < 0)
		return r;
	for (size_t i = 0; i < N_PARTS; i++) {
		const struct package_bytes *section = &p->parts[i];

		if (slices[i].offset > section->size || slices[i].size > section->size - slices[i].offset)
			return -EBADMSG;
		d->out[to[i]] = (struct package_bytes){ section->data + slices[i].offset, (size_t)slices[i].size };
		total += slices[i].size;
	}
	if (total > UNIT_MAX)
		return -EFBIG;
	d->out[OUT_ADDR] = shared_part(skeleton, ".debug_addr", DW_AT_addr_base, DW_AT_GNU_addr_base);
	r = look_at_header(d);
	if (r >= 0 && d->version == 4)
		d->out[OUT_RANGES] = shared_part(skeleton, ".debug_ranges", DW_AT_GNU_ranges_base, DW_AT_GNU_ranges_base);
	if (r >= 0)
		r = rewrite_abbreviations(d);
	if (r >= 0)
		r = rewrite_info(d, low);
	return r < 0 ? r : rewrite_strings(p, d);
}

/* ── as a file ── */

/* An ELF file in memory: header, sections, their names, their headers. Returns its size; image NULL: only that. */
static size_t write_image(const struct draft *d, uint8_t *image) {
	Elf64_Shdr headers[N_OUT + 2] = { { .sh_type = SHT_NULL } };
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_REL, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_ehsize = sizeof(header), .e_shentsize = sizeof(headers[0]),
	};
	size_t at = sizeof(header), n = 1, name = 1;
	char names[N_OUT * 24] = "";

	for (size_t i = 0; i < N_OUT; i++) {
		if (d->out[i].size == 0)
			continue;
		headers[n++] = (Elf64_Shdr){ .sh_name = (Elf64_Word)name, .sh_type = SHT_PROGBITS, .sh_offset = at, .sh_size = d->out[i].size, .sh_addralign = 1 };
		if (image)
			memcpy(image + at, d->out[i].data, d->out[i].size);
		at = (at + d->out[i].size + 15) & ~(size_t)15;
		memcpy(names + name, out_names[i], strlen(out_names[i]) + 1);
		name += strlen(out_names[i]) + 1;
	}
	headers[n++] = (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_offset = at, .sh_size = name, .sh_addralign = 1 };
	header.e_shoff = at + sizeof(names);
	header.e_shnum = (Elf64_Half)n;
	header.e_shstrndx = (Elf64_Half)(n - 1);
	if (image) {
		memcpy(image, &header, sizeof(header));
		memcpy(image + at, names, sizeof(names));
		memcpy(image + header.e_shoff, headers, n * sizeof(headers[0]));
	}
	return header.e_shoff + n * sizeof(headers[0]);
}

static int open_image(struct package_unit *u, size_t size) {
	Dwarf_Half version;
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;
	int r;

	u->handle.image_elf = elf_memory((char *)u->image, size);
	u->handle.dwarf = u->handle.image_elf ? dwarf_begin_elf(u->handle.image_elf, DWARF_C_READ, NULL) : NULL;
	if (!u->handle.dwarf)
		return -EBADMSG;
	r = dwarf_get_units(u->handle.dwarf, NULL, &cu, &version, &type, &die, NULL);
	if (r != 0 || !die.addr)
		return -EBADMSG;
	u->die = die;
	return 0;
}

/* DWARF 4 has the id among the attributes of the first entry, and only libdw knows how far those before it reach. */
static int put_low(const struct draft *d, struct package_unit *u, size_t size, uint64_t low) {
	Dwarf_Attribute attribute;
	int r = open_image(u, size);

	if (r < 0 || d->version != 4)
		return r;
	if (!dwarf_attr(&u->die, DW_AT_low_pc, &attribute) || attribute.valp < u->image || attribute.valp + 8 > u->image + size)
		return -EBADMSG;
	memset(u->image + (attribute.valp - u->image), 0, 8);
	memcpy(u->image + (attribute.valp - u->image), &low, d->address_bytes);
	return 0;
}

static int make_unit(struct dwarf_package *p, Dwarf_Die *skeleton, struct package_unit *u) {
	_cleanup_(draft_free) struct draft d = { .version = 0 };
	Dwarf_Addr low = 0;
	size_t size;
	int r;

	if (dwarf_lowpc(skeleton, &low) != 0)
		low = 0;
	r = collect(p, skeleton, u->id, low, &d);
	if (r < 0)
		return r;
	size = write_image(&d, NULL);
	if (size > UNIT_MAX || p->used + size > UNITS_TOTAL_MAX)
		return -EFBIG;
	u->image = calloc(1, size);
	if (!u->image)
		return -ENOMEM;
	p->used += size;
	write_image(&d, u->image);
	return put_low(&d, u, size, low);
}

int dwarf_package_find(struct dwarf_package *p, Dwarf_Die *skeleton, Dwarf_Die *ret_die) {
	struct package_unit *u;
	uint64_t id = 0;
	int r;

	if (dwarf_cu_info(skeleton->cu, NULL, NULL, NULL, NULL, &id, NULL, NULL) != 0)
		return -ENOENT;
	for (u = p->units; u && u->id != id;)
		u = u->next;
	if (!u) {
		u = calloc(1, sizeof(*u));
		if (!u)
			return -ENOMEM;
		u->id = id;
		u->next = p->units;
		p->units = u;
		r = make_unit(p, skeleton, u);
		if (r < 0) {
			u->die.addr = NULL;
			return r;
		}
	}
	if (!u->die.addr)
		return -ENOENT;
	*ret_die = u->die;
	return 0;
}
