/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Split DWARF in one file: FILE.dwp beside a program (or its debug file) holds what was in all of its .dwo files, and an index of the units by their ids.
 *
 * libdw reads no packages (elfutils 0.191 was the first). So each unit that is asked for is taken out and rewritten as an ordinary unit with sections of its
 * own: its part of the package, only the strings that it uses, and from the program the addresses and ranges that it refers to. In the place of the unit's id,
 * which is of no use any more, stands its lowest address, from which ranges count.
 * Formats: DWARF 5, §7.3.5 and appendix F; gcc.gnu.org/wiki/DebugFissionDWP for the index of version 2 (DWARF 4).
 */
#pragma once

#include <elfutils/libdw.h>

#include "util/macro.h"

struct dwarf_package;
struct package_unit;

/* path: of the package. 0; -ENOENT and the like; -ENODATA: no index; -EOPNOTSUPP: packed sections; -EBADMSG; -ENOMEM. */
int dwarf_package_open(const char *path, struct dwarf_package **ret_package);
void dwarf_package_free(struct dwarf_package *package);
DEFINE_CLEANUP(struct dwarf_package *, dwarf_package_free);

/* The rest of a unit that is a skeleton in the program: *ret_die is its first entry. 0; -ENOENT: not in the package; -EFBIG, -EBADMSG, -ENOMEM.
 * The result is the package's, and ends with it. */
int dwarf_package_find(struct dwarf_package *package, Dwarf_Die *skeleton, Dwarf_Die *ret_die);
