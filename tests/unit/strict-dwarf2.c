/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Code for test-symbols.c, built with -gdwarf-2 -gstrict-dwarf: the unit's own entry then tells of one section only
 * (there were no DW_AT_ranges), and inlined functions do not say where they were called (no DW_AT_call_file).
 */
/* There are no DW_AT_ranges for inlined functions either: it must stay in one piece. */
#ifndef __clang__
#pragma GCC optimize("O0")
#endif

#include <stdint.h>

uint64_t strict_dwarf2(uint64_t (*here)(void));

static inline __attribute__((always_inline)) uint64_t strict_dwarf2_inlined(uint64_t (*here)(void)) {
	uint64_t pc = here();

	return pc;
}

__attribute__((noinline)) uint64_t strict_dwarf2(uint64_t (*here)(void)) {
	return strict_dwarf2_inlined(here);
}

/* Another section, where the linker puts what runs once. */
uint64_t strict_dwarf2_elsewhere(uint64_t (*here)(void));
__attribute__((noinline, section(".text.startup.strict"))) uint64_t strict_dwarf2_elsewhere(uint64_t (*here)(void)) {
	return strict_dwarf2_inlined(here);
}
