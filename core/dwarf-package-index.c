/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-package-index.h. A hash table of ids, of rows, and then columns of offsets and of sizes; all of it hostile. */
#include "core/dwarf-package-index.h"

#include <dwarf.h>

/* There are eight kinds of sections. */
#define COLUMNS_MAX 16u
/* Chromium has some 40 000 units. */
#define UNITS_MAX (1u << 22)
#define HEADER_BYTES 16u

struct index {
	const uint8_t *ids, *rows, *columns, *offsets, *sizes;
	uint32_t version, n_columns, n_units, n_slots;
};

static int index_open(const uint8_t *data, size_t size, struct index *ret) {
	struct index x;
	uint64_t need;

	if (size < HEADER_BYTES)
		return -EBADMSG;
	/* 5 is a 16-bit number with padding behind it, 2 a 32-bit one. */
	x.version = (uint32_t)package_number(data, 2);
	x.n_columns = (uint32_t)package_number(data + 4, 4);
	x.n_units = (uint32_t)package_number(data + 8, 4);
	x.n_slots = (uint32_t)package_number(data + 12, 4);
	if ((x.version != 2 && x.version != 5) || x.n_columns == 0 || x.n_columns > COLUMNS_MAX || x.n_units > UNITS_MAX || x.n_slots > 4 * UNITS_MAX ||
	    (x.n_slots & (x.n_slots - 1)) != 0 || x.n_slots == 0)
		return -EBADMSG;
	need = HEADER_BYTES + (uint64_t)x.n_slots * 12 + (uint64_t)x.n_columns * 4 * (1 + 2 * (uint64_t)x.n_units);
	if (need > size)
		return -EBADMSG;
	x.ids = data + HEADER_BYTES;
	x.rows = x.ids + (size_t)x.n_slots * 8;
	x.columns = x.rows + (size_t)x.n_slots * 4;
	x.offsets = x.columns + (size_t)x.n_columns * 4;
	x.sizes = x.offsets + (size_t)x.n_columns * x.n_units * 4;
	*ret = x;
	return 0;
}

/* DW_SECT_* of both versions. */
static int part_of(uint32_t version, uint64_t section) {
	switch (section) {
	case 1: return PART_INFO;
	case 3: return PART_ABBREV;
	case 4: return PART_LINE;
	case 6: return PART_STR_OFFSETS;
	case 8: return version == 5 ? PART_RNGLISTS : -1;
	default: return -1;
	}
}

/* The row of an id, from 0; open addressing with a second hash, as the specification has it. */
static int find_row(const struct index *x, uint64_t id, size_t *ret_row) {
	uint64_t mask = x->n_slots - 1, slot = id & mask, step = (id >> 32 & mask) | 1;

	for (uint32_t i = 0; i < x->n_slots; i++, slot = (slot + step) & mask) {
		uint64_t row = package_number(x->rows + slot * 4, 4);

		if (row == 0)
			return -ENOENT;
		if (package_number(x->ids + slot * 8, 8) != id)
			continue;
		if (row > x->n_units)
			return -EBADMSG;
		*ret_row = (size_t)row - 1;
		return 0;
	}
	return -ENOENT;
}

int package_index_find(const uint8_t *data, size_t size, uint64_t id, struct package_slice ret_slices[static N_PARTS]) {
	struct index x;
	size_t row;
	int r = index_open(data, size, &x);

	if (r >= 0)
		r = find_row(&x, id, &row);
	if (r < 0)
		return r;
	memset(ret_slices, 0, N_PARTS * sizeof(*ret_slices));
	for (size_t i = 0; i < x.n_columns; i++) {
		int part = part_of(x.version, package_number(x.columns + i * 4, 4));
		size_t at = (row * x.n_columns + i) * 4;

		if (part >= 0)
			ret_slices[part] = (struct package_slice){ package_number(x.offsets + at, 4), package_number(x.sizes + at, 4) };
	}
	return 0;
}

bool package_leb(const struct package_bytes *b, size_t *at, uint64_t *ret_value) {
	uint64_t value = 0;

	for (unsigned shift = 0; *at < b->size && shift < 64; shift += 7) {
		uint8_t byte = b->data[(*at)++];

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* An attribute and its form in an abbreviation; false: damaged. */
static bool read_attribute(const struct package_bytes *table, size_t *at, uint64_t *ret_name, uint64_t *ret_form) {
	uint64_t ignored;

	return package_leb(table, at, ret_name) && package_leb(table, at, ret_form) && (*ret_form != DW_FORM_implicit_const || package_leb(table, at, &ignored));
}

int package_abbreviation_find(const struct package_bytes *table, size_t at, uint64_t wanted, size_t *ret_begin, size_t *ret_id, size_t *ret_id_end) {
	uint64_t code, tag, name, form;

	while (package_leb(table, &at, &code) && code != 0 && package_leb(table, &at, &tag) && at++ < table->size) {
		bool found = false;
		size_t begin = at, before;

		do {
			before = at;
			if (!read_attribute(table, &at, &name, &form))
				return -EBADMSG;
			if (code == wanted && name == DW_AT_GNU_dwo_id && form == DW_FORM_data8 && !found) {
				found = true;
				*ret_id = before;
				*ret_id_end = at;
			}
		} while (name != 0 || form != 0);
		if (code == wanted) {
			*ret_begin = begin;
			return found || tag == DW_TAG_compile_unit ? (found ? 1 : 0) : -EBADMSG;
		}
	}
	return -EBADMSG;
}
