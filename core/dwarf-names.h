/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a function's entry (DIE) is called: through its abstract origin and its specification, demangled, else qualified
 * by the scopes around it. */
#pragma once

#include "core/dwarf-units.h"
#include "util/arena.h"

/* NULL in *ret_function, *ret_linkage: unknown. 0 or -ENOMEM. */
int unit_function_name(struct arena *arena, struct unit *unit, Dwarf_Die *function, const char **ret_function,
		       const char **ret_linkage);

/* "C", "C++", "Rust", …; NULL: not known to us. */
const char *unit_language(const struct unit *unit);
/* 1 optimised, 0 not, -1 unknown: by the compiler's own options where it records them (GCC, Go), else by how it
 * describes variables. */
int unit_optimized(const struct unit *unit);
