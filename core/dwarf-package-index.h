/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The index of a package: which part of which section belongs to a unit. See dwarf-package.h; nobody else includes this. */
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
