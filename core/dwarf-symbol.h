/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One address to all that DWARF says about it: function, inlined chain, lines. */
#pragma once

#include "core/dwarf-units.h"
#include "corewatch/analyzer.h"
#include "util/arena.h"

/*
 * address: in the file. Strings are in the arena; start is a file address. Fills in what is known, the function's name
 * may be missing. 0; -ENOENT: no unit holds the address; -ENOMEM.
 */
int dwarf_symbol(struct arena *arena, struct units *units, uint64_t address, struct cw_symbol *ret_symbol,
		 const struct unit **ret_unit);
