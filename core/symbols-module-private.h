/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What symbols-module.c and symbols-tables.c share; nobody else includes this. */
#pragma once

#include "core/debuginfo.h"
#include "core/dwarf-units.h"
#include "core/symbols-cache.h"
#include "core/symbols-module.h"

struct module_symbols {
	struct debuginfo *info;
	struct symbols_cache *cache; /* NULL: none for this module */
	struct units *units;    /* NULL: no DWARF */
	bool loaded, reported_cut;
	enum evidence evidence; /* behind the module's language */
};

/* Results of one batch before they are made public. */
struct draft {
	struct symbol_answer answer;
	const struct unit *unit;
	bool wants_linkage;     /* debug info had the plain name only */
	bool go;                /* from Go's own table */
};

/* Looks up in Go's own table and in the symbol tables all that is still without a function, or wants a linkage name. 0, -ENOMEM. */
int module_tables_resolve(struct core *core, struct module *module, const struct module_symbols *ms,
			  const struct module_query *queries, struct draft *drafts, size_t n);
/* A symbol by name. 0, -ENOENT. */
int module_tables_find(struct core *core, struct module *module, const struct module_symbols *ms, const char *name,
		       uint64_t *ret_address);
