/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading a package: which part of which section belongs to a unit, and a unit's abbreviations. See dwarf-package.h; nobody else includes this. */
#pragma once

#include "util/macro.h"

/* Our own numbers for the sections: DWARF 5 and its forerunner number them differently. */
enum package_part { PART_INFO, PART_ABBREV, PART_LINE, PART_STR_OFFSETS, PART_RNGLISTS, N_PARTS };

struct package_slice {
	uint64_t offset, size;
};

/* 0; -ENOENT; -EBADMSG. Parts that the unit has none of are of size 0. */
int package_index_find(const uint8_t *index, size_t size, uint64_t id, struct package_slice ret_slices[static N_PARTS]);

static inline uint64_t package_number(const uint8_t *p, size_t bytes) {
	uint64_t value = 0;

	for (size_t i = bytes; i-- > 0;)
		value = value << 8 | p[i];
	return value;
}

struct package_bytes {
	const uint8_t *data;
	size_t size;
};

/* An unsigned LEB128 number at *at, which moves behind it; false: it does not end. */
bool package_leb(const struct package_bytes *bytes, size_t *at, uint64_t *ret_value);
/* Where the attributes of an abbreviation begin in the table that begins at `at`. 1: the unit's id is among them (from *ret_id to *ret_id_end); 0: it is not,
 * and the abbreviation is that of a unit; -EBADMSG. */
int package_abbreviation_find(const struct package_bytes *table, size_t at, uint64_t code, size_t *ret_begin, size_t *ret_id, size_t *ret_id_end);
