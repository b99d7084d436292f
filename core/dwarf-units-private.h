/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What dwarf-units.c and dwarf-units-list.c share; nobody else includes this. */
#pragma once

#include "core/dwarf-units.h"

/* Fills in slots, ranges and code. 0, -ENODATA: no units, -ENOMEM. */
int units_list(struct units *units, Elf *elf);
/* Takes the ranges of all units from the units themselves. 0, -ENOMEM. */
int units_complete(struct units *units);
/* Adds those ranges of an entry that are code. 0, -E2BIG, -ENOMEM. */
int units_add_ranges(const struct units *units, Dwarf_Die *die, uint32_t value, struct ranges *ranges, size_t max);
