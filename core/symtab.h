/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ELF symbol tables: one pass serves any number of addresses. File addresses throughout.
 *
 * Functions only (STT_FUNC, STT_GNU_IFUNC; STT_NOTYPE for assembler labels), defined, not absolute: SHN_ABS symbols are
 * version names ("GLIBC_2.8"). Of several symbols for one address the innermost wins, then exported over local ones,
 * then the name with fewer leading underscores (`clone3` over `__clone3`, `read` over `__read`), global over weak, the
 * shorter, the first by alphabet. A symbol without a size reaches up to the next one, within its section.
 * Format: ELF gABI, "Symbol Table".
 */
#pragma once

#include <gelf.h>

#include "util/macro.h"

struct symtab_query {
	uint64_t address;
	const char *name;      /* in libelf's memory; NULL: nothing found */
	uint64_t start, size;
	/* internal */
	struct symtab_candidate {
		const char *name;
		uint64_t start, end;
		unsigned rank;
		size_t section;
	} sized, unsized, label;
	uint64_t ended, next;  /* the nearest end of a sized function at or below, and start of any above */
};

enum symtab_kind { SYMTAB_FULL = SHT_SYMTAB, SYMTAB_DYNAMIC = SHT_DYNSYM };

bool symtab_present(Elf *elf, enum symtab_kind kind);
/* queries must be sorted by address. Sets name, start and size of each. */
void symtab_resolve(Elf *elf, enum symtab_kind kind, struct symtab_query *queries, size_t n);
/* The address of a defined symbol (functions and objects) by name; the version, if any, does not count. 0, -ENOENT. */
int symtab_find(Elf *elf, enum symtab_kind kind, const char *name, uint64_t *ret_address);
