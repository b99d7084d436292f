/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the parts of DWARF that are looked at before libdw sees them: headers of sets and units, abbreviations. All
 * numbers are in the machine's own byte order.
 */
#pragma once

#include "util/macro.h"

/* A cursor over bytes that somebody else wrote. ok goes false, and stays so, once something is read past the end. */
struct bytes {
	const uint8_t *at, *end;
	bool ok;
};

static inline uint64_t take(struct bytes *b, size_t size) {
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} value = { .u64 = 0 };

	if ((size_t)(b->end - b->at) < size) {
		b->at = b->end;
		b->ok = false;
		return 0;
	}
	memcpy(&value, b->at, size);
	b->at += size;
	return size == 1 ? value.u8 : size == 2 ? value.u16 : size == 4 ? value.u32 : value.u64;
}

static inline uint64_t take_leb(struct bytes *b) {
	uint64_t value = 0;

	for (unsigned shift = 0; b->at < b->end; shift += 7) {
		uint8_t byte = *b->at++;

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	b->ok = false;
	return 0;
}

/* A unit's length, and how wide its offsets are. */
static inline uint64_t take_length(struct bytes *b, unsigned *ret_offset_bytes) {
	uint64_t length = take(b, 4);

	*ret_offset_bytes = 4;
	if (length == UINT32_MAX) {
		*ret_offset_bytes = 8;
		length = take(b, 8);
	} else if (length >= UINT32_C(0xfffffff0)) {
		b->ok = false;
	}
	return length;
}
