/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Address ranges that may overlap or nest, each with a number; answers "which hold this address", the innermost first.
 * File addresses, end exclusive. */
#pragma once

#include "util/macro.h"

struct range {
	uint64_t low, high;
	uint64_t reach;   /* the highest end of all ranges up to here: how far back a search must look */
	uint32_t value;
};

struct ranges {
	struct range *items;
	size_t n, allocated;
	bool sorted;
};

/* Empty ranges are left out. 0, -ENOMEM, or -E2BIG beyond max. */
int ranges_add(struct ranges *ranges, uint64_t low, uint64_t high, uint32_t value, size_t max);
void ranges_sort(struct ranges *ranges);
void ranges_free(struct ranges *ranges);

/* The next range that holds address, before position *at (start with SIZE_MAX); NULL: no more. Sorted ranges only. */
const struct range *ranges_next(const struct ranges *ranges, uint64_t address, size_t *at);
