/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Variables of a function at one pc: where they live, what their types are called, which member lies at an offset. */
#pragma once

#include <elfutils/libdw.h>

#include "core/core.h"
#include "core/dwarf-units.h"

/* The function that holds pc, with the registers there. */
struct variable_scope {
	struct core *core;
	struct place place;
	uint64_t address;          /* pc in the file */
	uint64_t bias;
	const uint64_t *registers; /* the arch's order, whose first are DWARF's */
	uint64_t cfa;
	bool has_cfa;
};

/* Where a variable lives: in register number `reg` (≥ 0), or in memory. */
struct variable_place {
	int reg;
	uint64_t address;
};

/* The innermost variable or parameter that lives there. false: none. wanted.reg -1: by address. */
bool variable_find(const struct variable_scope *scope, struct variable_place wanted, Dwarf_Die *ret_die);
const char *variable_name(struct core *core, Dwarf_Die *die);
/* The type of a variable, member or typedef. false: void, or none given. */
bool variable_type(Dwarf_Die *die, Dwarf_Die *ret_type);
/* "struct node *", "const char *", "*mut Page"; NULL without memory. */
const char *variable_type_name(struct core *core, Dwarf_Die *type);
/* What a pointer or reference type points to. false: it is none, or to void. */
bool variable_target(Dwarf_Die *type, Dwarf_Die *ret_target);
/* "next", "header.length", "slots[2]": the member of a struct type at an offset, and its type. NULL: none, or no struct. */
const char *variable_member(struct core *core, Dwarf_Die *type, uint64_t offset, Dwarf_Die *ret_type);
