/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-ranges.h. Sorted by start, then the larger first, so that going back from the last start meets the
 * innermost first. */
#include "core/dwarf-ranges.h"

#include <assert.h>

/* Real ranges nest a few deep (functions moved together by the linker). Searching further serves only who made them
 * overlap on purpose. */
#define LOOK_BACK_MAX 256u

int ranges_add(struct ranges *r, uint64_t low, uint64_t high, uint32_t value, size_t max) {
	if (low >= high)
		return 0;
	if (r->n >= max)
		return -E2BIG;
	if (r->n == r->allocated) {
		size_t more = MAX(r->allocated * 2, (size_t)64);
		struct range *grown = reallocarray(r->items, more, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		r->items = grown;
		r->allocated = more;
	}
	r->items[r->n++] = (struct range){ .low = low, .high = high, .value = value };
	r->sorted = false;
	return 0;
}

static int compare(const void *a, const void *b) {
	const struct range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	if (x->high != y->high)
		return x->high > y->high ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

void ranges_sort(struct ranges *r) {
	uint64_t reach = 0;

	if (r->n > 1)
		qsort(r->items, r->n, sizeof(*r->items), compare);
	for (size_t i = 0; i < r->n; i++) {
		reach = MAX(reach, r->items[i].high);
		r->items[i].reach = reach;
	}
	r->sorted = true;
}

void ranges_free(struct ranges *r) {
	free(r->items);
	*r = (struct ranges){ 0 };
}

const struct range *ranges_next(const struct ranges *r, uint64_t address, size_t *at) {
	size_t low = 0, high = MIN(*at, r->n), i;

	assert(r->sorted || r->n == 0);
	if (*at == SIZE_MAX) {
		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (r->items[middle].low <= address)
				low = middle + 1;
			else
				high = middle;
		}
	}
	for (i = high; i > 0 && high - i < LOOK_BACK_MAX && r->items[i - 1].reach > address; i--) {
		if (r->items[i - 1].low <= address && address < r->items[i - 1].high) {
			*at = i - 1;
			return &r->items[i - 1];
		}
	}
	*at = 0;
	return NULL;
}
