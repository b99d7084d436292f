/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which units .debug_aranges names for given addresses. Only dwarf-select.c includes this. Format: DWARF 5 §6.1.2. */
#pragma once

#include "core/dwarf-image-private.h"

/* Frames of one crash lie in a few dozen units; more is not worth picking. */
#define ARANGES_UNITS_MAX 512u

/* One set of .debug_aranges, and the unit that it is of. */
struct span {
	uint64_t offset;       /* of the unit */
	uint64_t next;         /* where the next unit that has a set begins; 0: the sets are in another order */
	uint64_t low, size;    /* the range with the wanted addresses; size 0: there are several */
	const uint8_t *set;
	size_t set_size;
	unsigned offset_bytes;
};

/*
 * addresses: file addresses, in any order. entry: the program's entry point. At most ARANGES_UNITS_MAX spans in order of
 * their units; they point into *ret_aranges (to be freed). 0; -ENOENT: an address is claimed by none, or too many;
 * -EBADMSG, -ENOMEM, -errno.
 */
int aranges_choose(const struct dwarf_part *part, int fd, const uint64_t *addresses, size_t n, uint64_t entry,
		   struct span *spans, size_t *ret_n_spans, uint8_t **ret_aranges);
