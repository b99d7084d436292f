/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Go's own table of functions (go-pclntab.h) of a module, and what is made of it: symbols where debug info and symbol tables are gone, and the parts of the
 * runtime that the unwinder has to know by name because they change stacks.
 *
 * The table is found by its section's name, or, in a program that shows itself as Go's by its note, by its first bytes in the file's mapped data.
 */
#pragma once

#include "core/core.h"
#include "core/go-pclntab.h"

struct go_module {
	struct go_pclntab table;
	uint64_t address;       /* of the table, in the file */
	const uint8_t *calls;   /* go:func.*: where inline trees lie, in the file's mapping; NULL: not found */
	size_t calls_size;
};

/* Looked for once. NULL: the module has none. */
const struct go_module *go_module_get(struct core *core, struct module *module);
void go_module_free(struct go_module *go);

/* Function, line and inlined calls at a file address; strings go into the arena. 0, -ENOENT, -ENOMEM. */
int go_module_symbol(const struct go_module *go, struct arena *arena, uint64_t address, struct cw_symbol *ret_symbol);
/* The file address of a function. 0, -ENOENT. */
int go_module_find(const struct go_module *go, const char *name, uint64_t *ret_address);
