/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-scan.h. All pointers stay within [first, end) of the unit, which is checked to lie within its section. */
#include "core/dwarf-scan.h"

#include <dwarf.h>
#include <gelf.h>

/* Codes are handed out densely; the largest tables (dwz, LTO) have some 10 000. Others make the unit unreadable. */
#define ABBREV_CODE_MAX (1u << 18)
/* Real entries have less than 30 attributes; libdw finds the i-th in i steps. */
#define ATTRIBUTES_MAX 256u
#define DEPTH_MAX (1u << 16)

struct scan_abbrev {
	Dwarf_Abbrev *abbrev;   /* NULL: not seen yet */
	uint16_t *forms;        /* NULL: all of fixed size */
	uint32_t fixed_bytes;   /* sum, if forms == NULL */
	uint16_t n_forms, tag;
	uint8_t flags;
	bool moving;            /* a parameter with a location list */
	uint16_t place;         /* index of a parameter's only location, or NO_PLACE */
};

#define NO_PLACE UINT16_MAX

/* Bytes of a form, or one of these; 0 in the table is a form that is not known. */
enum {
	EMPTY = 99,
	ADDRESS = 100,
	OFFSET,
	REFERENCE,
	STRING,
	LEB,
	BLOCK1,
	BLOCK2,
	BLOCK4,
	BLOCK_LEB,
	INDIRECT,
	UNKNOWN
};

static const uint8_t form_sizes[] = {
	[DW_FORM_addr] = ADDRESS,
	[DW_FORM_block2] = BLOCK2,
	[DW_FORM_block4] = BLOCK4,
	[DW_FORM_data2] = 2,
	[DW_FORM_data4] = 4,
	[DW_FORM_data8] = 8,
	[DW_FORM_string] = STRING,
	[DW_FORM_block] = BLOCK_LEB,
	[DW_FORM_block1] = BLOCK1,
	[DW_FORM_data1] = 1,
	[DW_FORM_flag] = 1,
	[DW_FORM_sdata] = LEB,
	[DW_FORM_strp] = OFFSET,
	[DW_FORM_udata] = LEB,
	[DW_FORM_ref_addr] = REFERENCE,
	[DW_FORM_ref1] = 1,
	[DW_FORM_ref2] = 2,
	[DW_FORM_ref4] = 4,
	[DW_FORM_ref8] = 8,
	[DW_FORM_ref_udata] = LEB,
	[DW_FORM_indirect] = INDIRECT,
	[DW_FORM_sec_offset] = OFFSET,
	[DW_FORM_exprloc] = BLOCK_LEB,
	[DW_FORM_flag_present] = EMPTY,
	[DW_FORM_strx] = LEB,
	[DW_FORM_addrx] = LEB,
	[DW_FORM_ref_sup4] = 4,
	[DW_FORM_strp_sup] = OFFSET,
	[DW_FORM_data16] = 16,
	[DW_FORM_line_strp] = OFFSET,
	[DW_FORM_ref_sig8] = 8,
	[DW_FORM_implicit_const] = EMPTY,
	[DW_FORM_loclistx] = LEB,
	[DW_FORM_rnglistx] = LEB,
	[DW_FORM_ref_sup8] = 8,
	[DW_FORM_strx1] = 1,
	[DW_FORM_strx2] = 2,
	[DW_FORM_strx3] = 3,
	[DW_FORM_strx4] = 4,
	[DW_FORM_addrx1] = 1,
	[DW_FORM_addrx2] = 2,
	[DW_FORM_addrx3] = 3,
	[DW_FORM_addrx4] = 4,
};

static unsigned form_size(const struct scan_unit *u, unsigned form) {
	unsigned size = 0;

	if (form < ELEMENTSOF(form_sizes))
		size = form_sizes[form];
	else if (form == DW_FORM_GNU_addr_index || form == DW_FORM_GNU_str_index)
		size = LEB;
	else if (form == DW_FORM_GNU_ref_alt || form == DW_FORM_GNU_strp_alt)
		size = OFFSET;
	switch (size) {
	case 0: return UNKNOWN;
	case EMPTY: return 0;
	case ADDRESS: return u->address_bytes;
	case OFFSET: return u->offset_bytes;
	case REFERENCE: return u->version <= 2 ? u->address_bytes : u->offset_bytes;
	default: return size;
	}
}

static bool read_leb(const uint8_t **p, const uint8_t *end, uint64_t *ret_value) {
	uint64_t value = 0;

	for (unsigned shift = 0; *p < end; shift += 7) {
		uint8_t byte = *(*p)++;

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* Length of a block's own bytes; the unit's byte order is not known here, but libdw's readers are, so ask the ELF
 * file's. */
static uint64_t read_length(const struct scan_unit *u, const uint8_t *p, unsigned bytes) {
	Elf *elf = dwarf_getelf(dwarf_cu_getdwarf(u->cu));
	const char *ident = elf ? elf_getident(elf, NULL) : NULL;
	bool big = ident && ident[EI_DATA] == ELFDATA2MSB;
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)p[i] << 8 * (big ? bytes - 1 - i : i);
	return value;
}

/* Moves *p behind one attribute. */
static bool skip_form(const struct scan_unit *u, unsigned form, const uint8_t **p) {
	unsigned size = form_size(u, form), prefix = 0;
	uint64_t length = size;

	if (size == INDIRECT) {
		if (!read_leb(p, u->end, &length) || length > UINT16_MAX || length == DW_FORM_indirect ||
		    length == DW_FORM_implicit_const)
			return false;
		size = form_size(u, (unsigned)length);
		length = size;
	}
	switch (size) {
	case STRING: {
		const uint8_t *nul = memchr(*p, 0, (size_t)(u->end - *p));
		if (!nul)
			return false;
		length = (uint64_t)(nul - *p) + 1;
		break;
	}
	case LEB:
		return read_leb(p, u->end, &length);
	case BLOCK1: prefix = 1; break;
	case BLOCK2: prefix = 2; break;
	case BLOCK4: prefix = 4; break;
	case BLOCK_LEB:
		if (!read_leb(p, u->end, &length))
			return false;
		break;
	case INDIRECT: case UNKNOWN: return false;
	default: break;
	}
	if (prefix > 0) {
		if ((size_t)(u->end - *p) < prefix)
			return false;
		length = read_length(u, *p, prefix);
		*p += prefix;
	}
	if (length > (uint64_t)(u->end - *p))
		return false;
	*p += length;
	return true;
}

/* Notes what one attribute of an abbreviation tells before any entry is read. */
static void classify(struct scan_abbrev *a, unsigned name, unsigned form) {
	bool is_list = form == DW_FORM_sec_offset || form == DW_FORM_loclistx || form == DW_FORM_data4 ||
		       form == DW_FORM_data8;

	if (name == DW_AT_low_pc || name == DW_AT_ranges)
		a->flags |= SCAN_PC;
	/* Variables will not do: global ones have fixed places in any build. */
	if (name == DW_AT_location && a->tag == DW_TAG_formal_parameter) {
		a->moving = is_list;
		a->place = is_list ? NO_PLACE : a->n_forms;
	}
}

static int abbrev_fill(const struct scan_unit *u, Dwarf_Die *die, struct scan_abbrev *a) {
	uint16_t forms[ATTRIBUTES_MAX];
	unsigned name, form, size;
	bool all_fixed = true;
	uint32_t fixed = 0;

	a->tag = (uint16_t)dwarf_tag(die);
	if (a->tag == DW_TAG_invalid || !die->abbrev)
		return -EBADMSG;
	a->flags = dwarf_abbrevhaschildren(die->abbrev) ? SCAN_CHILDREN : 0;
	a->place = NO_PLACE;
	/* Not dwarf_getattrcnt(): elfutils 0.188 counts the constants of DW_FORM_implicit_const as attributes. */
	while (dwarf_getabbrevattr(die->abbrev, a->n_forms, &name, &form, NULL) == 0) {
		if (a->n_forms >= ATTRIBUTES_MAX)
			return -EBADMSG;
		classify(a, name, form);
		forms[a->n_forms++] = form > UINT16_MAX ? UINT16_MAX : (uint16_t)form;
		size = form_size(u, form);
		all_fixed = all_fixed && size < EMPTY;
		fixed += size;
	}
	if (all_fixed)
		a->fixed_bytes = fixed;
	else if (!(a->forms = malloc(a->n_forms * sizeof(*forms))))
		return -ENOMEM;
	else
		memcpy(a->forms, forms, a->n_forms * sizeof(*forms));
	a->abbrev = die->abbrev;
	return 0;
}

static int abbrev_find(struct scan_unit *u, uint64_t code, Dwarf_Die *die, struct scan_abbrev **ret_abbrev) {
	struct scan_abbrev *a;
	int r;

	if (code >= ABBREV_CODE_MAX)
		return -EBADMSG;
	if (code >= u->n_abbrevs) {
		size_t more = MAX((size_t)code + 1, u->n_abbrevs * 2);
		struct scan_abbrev *grown = reallocarray(u->abbrevs, more, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		memset(grown + u->n_abbrevs, 0, (more - u->n_abbrevs) * sizeof(*grown));
		u->abbrevs = grown;
		u->n_abbrevs = more;
	}
	a = &u->abbrevs[code];
	if (!a->abbrev) {
		if (a->flags & SCAN_BROKEN)
			return -EBADMSG;
		r = abbrev_fill(u, die, a);
		if (r < 0) {
			free(a->forms);
			*a = (struct scan_abbrev){ .flags = SCAN_BROKEN };
			return r;
		}
	}
	*ret_abbrev = a;
	return 0;
}

/* Whether the block at p, of at most 127 bytes, is an expression that begins with DW_OP_fbreg. */
static bool is_stack_place(const struct scan_unit *u, const uint8_t *p) {
	return (size_t)(u->end - p) >= 2 && p[0] > 0 && p[0] < 0x80 && p[1] == DW_OP_fbreg;
}

static int skip_attributes(struct scan_unit *u, const struct scan_abbrev *a, const uint8_t **p) {
	u->evidence.moving_parameters += a->moving;
	u->evidence.call_sites |= a->tag == DW_TAG_call_site || a->tag == DW_TAG_GNU_call_site;
	if (!a->forms) {
		if (a->fixed_bytes > (size_t)(u->end - *p))
			return -EBADMSG;
		*p += a->fixed_bytes;
		return 0;
	}
	for (size_t i = 0; i < a->n_forms; i++) {
		if (i == a->place) {
			bool stack = is_stack_place(u, *p);

			u->evidence.stack_parameters += stack;
			u->evidence.moving_parameters += !stack;
		}
		if (!skip_form(u, a->forms[i], p))
			return -EBADMSG;
	}
	return 0;
}

/* The end of the unit, clipped to the section that holds it: a unit's length field may say anything. */
static int find_end(Dwarf_Die *cudie, const uint8_t **ret_end) {
	Dwarf *dwarf = dwarf_cu_getdwarf(cudie->cu);
	Elf *elf = dwarf ? dwarf_getelf(dwarf) : NULL;
	const uint8_t *address = cudie->addr;
	Dwarf_Off offset = dwarf_dieoffset(cudie), start = offset - dwarf_cuoffset(cudie), next;
	Elf_Scn *scn = NULL;

	if (!elf || dwarf_next_unit(dwarf, start, &next, NULL, NULL, NULL, NULL, NULL, NULL, NULL) != 0 ||
	    next <= offset)
		return -EBADMSG;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr header;
		Elf_Data *data;

		if (!gelf_getshdr(scn, &header) || header.sh_type == SHT_NOBITS || (header.sh_flags & SHF_ALLOC))
			continue;
		data = elf_getdata(scn, NULL);
		if (!data || !data->d_buf || address < (const uint8_t *)data->d_buf ||
		    address >= (const uint8_t *)data->d_buf + data->d_size)
			continue;
		*ret_end = (const uint8_t *)data->d_buf + MIN((uint64_t)next, (uint64_t)data->d_size);
		return address < *ret_end ? 0 : -EBADMSG;
	}
	return -EBADMSG;
}

int scan_unit_init(Dwarf_Die *cudie, uint64_t *budget, struct scan_unit *ret_unit) {
	struct scan_unit u = { .cu = cudie->cu, .first = cudie->addr, .budget = budget };
	int r;

	if (dwarf_cu_die(cudie->cu, &(Dwarf_Die){ 0 }, &u.version, NULL, &u.address_bytes, &u.offset_bytes, NULL,
			 NULL) == NULL)
		return -EBADMSG;
	r = find_end(cudie, &u.end);
	if (r < 0)
		return r;
	*ret_unit = u;
	return 0;
}

void scan_unit_free(struct scan_unit *u) {
	for (size_t i = 0; i < u->n_abbrevs; i++)
		free(u->abbrevs[i].forms);
	free(u->abbrevs);
	*u = (struct scan_unit){ 0 };
}

void scan_start(struct scan *s, struct scan_unit *u, const void *entry) {
	*s = (struct scan){ .unit = u, .next = entry };
}

int scan_next(struct scan *s, struct scan_die *ret_die) {
	struct scan_unit *u = s->unit;
	const uint8_t *entry = s->next, *p;
	struct scan_abbrev *a;
	Dwarf_Die die;
	uint64_t code;
	int r;

	if (s->started && s->depth == 0)
		return 0;
	for (;; entry = s->next) {
		p = entry;
		if (!read_leb(&p, u->end, &code))
			return -EBADMSG;
		if (code != 0)
			break;
		s->next = p;
		if (!s->started || --s->depth == 0)
			return 0;
	}
	if (*u->budget == 0)
		return -EDQUOT;
	--*u->budget;
	die = (Dwarf_Die){ .addr = (void *)(uintptr_t)entry, .cu = u->cu };
	r = abbrev_find(u, code, &die, &a);
	if (r < 0)
		return r;
	r = skip_attributes(u, a, &p);
	if (r < 0)
		return r;
	die.abbrev = a->abbrev;
	*ret_die = (struct scan_die){ .die = die, .tag = a->tag, .flags = a->flags, .depth = s->depth };
	s->next = p;
	s->started = true;
	if ((a->flags & SCAN_CHILDREN) && ++s->depth > DEPTH_MAX)
		return -EBADMSG;
	return 1;
}
