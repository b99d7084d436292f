/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The symbols of one module: its debug info and symbol tables, opened on first use, and one batch of addresses looked
 * up in them. */
#pragma once

#include "core/core.h"

struct module_symbols;

/* One address of a batch. */
struct module_query {
	uint64_t address;               /* in the file */
	size_t order;                   /* how early it was asked for */
	const struct cw_symbol *symbol; /* result in the core's arena, addresses in it at run time; or NULL */
};

/* Looks up addresses, which must be sorted. The module must have an elf. Sets the module's debuginfo, language,
 * optimized. 0 or -ENOMEM. */
int module_symbols_resolve(struct core *core, struct module *module, struct module_query *queries, size_t n);
/* The file address of a symbol by name. 0, -ENOENT, -ENOMEM. */
int module_symbols_find(struct core *core, struct module *module, const char *name, uint64_t *ret_address);
/* After module_symbols_resolve(): false if its debug info is nowhere to be found. True where nobody asked. */
bool module_symbols_has_debuginfo(const struct module *module);
/* The build-id of a dwz file that was not found, or NULL. */
const char *module_symbols_missing_alt(const struct module *module);
/* Writes what was looked up to the cache, if there is one. */
void module_symbols_save(struct core *core, struct module *module);
/* Closes what the module holds; results stay. */
void module_symbols_free(struct module *module);
