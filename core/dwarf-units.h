/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The index of one file's debug info: which unit holds an address, and in it which function, each found once.
 *
 * libdw's own ways are not used: .debug_aranges is missing from clang's output (a hint here, no more), and dwarf_getscopes() does not descend
 * into namespaces, so that it finds no inlined functions of Rust and clang. All addresses here are file addresses.
 */
#pragma once

#include "core/dwarf-far.h"
#include "core/dwarf-package.h"
#include "core/dwarf-ranges.h"
#include "core/dwarf-scan.h"

struct function {
	const void *entry;     /* its DIE in unit.full's section */
};

/* A namespace, type or function with functions in it; the innermost that spans an entry gives that entry's qualified
 * name. */
struct scope {
	const void *entry, *end;
	uint32_t outer;        /* index, or UINT32_MAX */
};

/* Texts made for the report once, by where in the file they come from: a function's entry, a file's name. */
struct known {
	const void *from;
	const char *text, *linkage; /* in the core's arena */
};

struct unit {
	struct units *owner;
	Dwarf_Die die;         /* first entry in the file itself: ranges and line table */
	Dwarf_Die full;        /* the .dwo file's (or the package's) first entry with split DWARF, else the same as die */
	bool packaged;         /* full comes from the package, whose only table of files is at its beginning */
	struct scan_unit scan;
	bool scanned;          /* scan may be used */
	struct scan_evidence evidence; /* of all its entries */
	struct function *functions;
	size_t n_functions, functions_allocated;
	struct ranges ranges;  /* of functions */
	struct scope *scopes;  /* in order of entry */
	size_t n_scopes, scopes_allocated;
	struct known *known;   /* open addressing, size a power of two, at most half full */
	size_t n_known, known_size;
};

struct unit_slot {
	Dwarf_Die die;
	uint8_t type;
	bool hinted;           /* its ranges come from .debug_aranges */
	struct unit *unit;     /* NULL until an address in it was looked up */
};

struct units {
	Dwarf *dwarf;
	struct dwarf_package *package; /* borrowed; NULL: none beside the file */
	const struct far_codes *far;   /* borrowed; NULL: none. Code whose units are not here. */
	char *directory;       /* that holds the file: where .dwo files may be, or NULL */
	struct unit_slot *slots;
	size_t n, allocated;
	struct ranges ranges;
	struct {
		uint64_t low, high;
	} code[16]; /* executable segments; functions that the linker dropped lie elsewhere */
	size_t n_code;
	struct unit **others;  /* units that hold nothing but what units refer to (dwz, link-time optimisation) */
	size_t n_others;
	uint64_t budget;
	bool complete;         /* all ranges come from the units themselves */
	bool split;            /* some units are skeletons: the rest is in .dwo files */
	bool cut;              /* limits were met: some functions may be missing */
};

/* The function that holds an address. */
struct place {
	struct unit *unit;
	Dwarf_Die function;    /* addr NULL: the unit is known, the function is not (assembler) */
	uint64_t low, high;    /* of the part of the function that holds the address */
};

/* elf: the module's own file, for its segments (a separate debug file's may be empty). directory may be NULL. 0,
 * -ENODATA (no units), -ENOMEM. */
int units_new(Dwarf *dwarf, Elf *elf, const char *directory, struct units **ret_units);
void units_free(struct units *units);
DEFINE_CLEANUP(struct units *, units_free);

/* 0, -ENOENT, -ENOMEM. */
int units_find(struct units *units, uint64_t address, struct place *ret_place);

/* The slot for what comes from there: slot->from is NULL if it is new, and must be filled in. NULL without memory: do
 * without. */
struct known *unit_known(struct unit *unit, const void *from);

/* The unit that holds an entry to which one of this unit's refers: itself, most often. NULL: cannot be had. */
const struct unit *unit_of(struct unit *unit, const Dwarf_Die *entry);

/* The functions inlined into place at address, outermost first; the number written (≤ max). */
size_t unit_inlines(const struct place *place, uint64_t address, Dwarf_Die *ret_dies, size_t max);
