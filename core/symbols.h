/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From addresses to functions, inlined chains and source lines: debug info where there is some, symbol tables else.
 *
 * Debug info is loaded only for modules that have frames; each (pc, exact) is looked up once and remembered. Search
 * order for debug info: the file itself, /usr/lib/debug/.build-id, .gnu_debuglink, .gnu_debugdata, dwz alternate files;
 * each found file is checked by build-id (or the debuglink's CRC). Never the network. A result is in the core's arena.
 * Files are hostile: nothing here may crash, loop or allocate without bound because of one.
 */
#pragma once

#include "core/core.h"

struct symbol_query {
	uint64_t pc;            /* runtime address */
	bool exact;             /* the instruction itself; else a return address: pc - 1 is looked up */
	const struct cw_symbol *symbol; /* result, or NULL: nothing is known */
};

/* 0 or -ENOMEM. Nothing is opened yet. */
int symbols_new(struct core *core, struct symbols **ret_symbols);
void symbols_free(struct symbols *symbols); /* descriptors and library handles; results stay in the arena */

/* Fills in all queries, batched by module. Failures of single modules become problems. Sets debuginfo, language and
 * optimized of the modules. 0 or -ENOMEM. */
int symbols_resolve(struct core *core, struct symbol_query *queries, size_t n);

/* The runtime address of a symbol by linkage name (.symtab, then .dynsym; defined symbols only, no SHN_ABS). 0 or
 * -ENOENT. */
int symbols_find(struct core *core, struct module *module, const char *name, uint64_t *ret_address);

/* The bounds of the function that holds pc, by symbol table or DWARF, at the cost of symbols_resolve(). 0 or -ENOENT.
 */
int symbols_function_bounds(struct core *core, uint64_t pc, uint64_t *ret_start, uint64_t *ret_end);

/* Writes what was looked up to core->options.cache_fd, for the next crash of the same builds. After the report: it can
 * wait. */
void symbols_save(struct core *core);
