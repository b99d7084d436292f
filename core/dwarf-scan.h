/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walks the entries (DIEs) of one unit in the order in which they are stored, once, without libdw's tree functions.
 *
 * Why not dwarf_child() and dwarf_siblingof(): without DW_AT_sibling (LLVM writes none) each step to a sibling walks
 * all that lies below, so a descent through n nested namespaces reads everything n times. Here an entry is skipped by
 * its abbreviation's forms, which are remembered. What is in an entry is still libdw's to tell: each step gives a
 * Dwarf_Die to ask about. Format: DWARF 5 §7.5 and DWARF 4 §7.5, GNU extensions as in <dwarf.h>.
 */
#pragma once

#include <elfutils/libdw.h>

#include "util/macro.h"

enum scan_flags {
	SCAN_CHILDREN = 1,
	SCAN_PC = 2,        /* has DW_AT_low_pc or DW_AT_ranges: it is code, not only a declaration */
	SCAN_BROKEN = 4,    /* internal: an abbreviation that cannot be skipped */
};

/* What the entries seen so far show about how the unit was compiled. */
struct scan_evidence {
	uint32_t stack_parameters;  /* at one place in their frame for all their life */
	uint32_t moving_parameters; /* in a register, or now here, now there */
	bool call_sites;
};

struct scan_abbrev;

struct scan_unit {
	Dwarf_CU *cu;
	const uint8_t *first, *end;
	uint8_t address_bytes, offset_bytes;
	Dwarf_Half version;
	struct scan_abbrev *abbrevs; /* by code */
	size_t n_abbrevs;
	struct scan_evidence evidence;
	uint64_t *budget; /* entries that may still be read, over all units of a module; owned by the caller */
};

struct scan_die {
	Dwarf_Die die;
	uint16_t tag;
	uint8_t flags;
	unsigned depth;
};

struct scan {
	struct scan_unit *unit;
	const uint8_t *next;
	unsigned depth;
	bool started;
};

/* cudie: the unit's first entry. 0 or -EBADMSG. Free with scan_unit_free(). */
int scan_unit_init(Dwarf_Die *cudie, uint64_t *budget, struct scan_unit *ret_unit);
void scan_unit_free(struct scan_unit *unit);

/* Starts at an entry (its depth is 0) and ends behind its last descendant. */
void scan_start(struct scan *scan, struct scan_unit *unit, const void *entry);
/* 1: *ret_die; 0: the end; -EBADMSG: damaged; -EDQUOT: the budget is used up; -ENOMEM. */
int scan_next(struct scan *scan, struct scan_die *ret_die);
