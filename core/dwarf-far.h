/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines of code whose unit is not worth the way to it.
 *
 * Packed debug info is read from its start up to the last unit that is needed. Where that one is of a small assembler
 * file, far behind all others (clone3.S, in which every thread of glibc begins, lies behind three quarters of its
 * 6 MB), it is left out: such a unit tells nothing but where its line table is, and that is recognised without it, by
 * the address that it begins with. What does not look exactly like this is not left out. Formats: DWARF 5 §6.2, §7.5.1.
 */
#pragma once

#include <elfutils/libdw.h>

#include "core/dwarf-image-private.h"
#include "core/section-stream.h"

/* Assembler units that one crash's frames lie in. */
#define FAR_CODES_MAX 4u

struct far_code {
	uint64_t low, size;    /* file addresses; the unit has no others */
	uint64_t table;        /* its line table in .debug_line */
};

struct far_codes {
	struct far_code list[FAR_CODES_MAX];
	size_t n;
};

/* Whether a unit of so many bytes, so far behind the last one needed, is worth leaving out. */
bool far_unit(uint64_t distance, uint64_t unit_bytes);

/* Finds the line tables in what stream still has of .debug_line, and copies them to their places in to, the section's
 * place in the image. Units' tables have the units' order, so they lie behind those that were read already. 0; -EAGAIN:
 * not all were found, or one is no assembler file's, so the units are needed after all; -ENOMEM, -EBADMSG. */
int far_codes_place(struct far_codes *codes, struct section_stream *stream, uint64_t at, const struct dwarf_part *lines,
		    uint8_t *to);

/* The line of an address; *ret_directory: what its path is relative to, or NULL. Both live as long as dwarf. 0, -ENOENT. */
int far_codes_line(const struct far_codes *codes, Dwarf *dwarf, uint64_t address, Dwarf_Line **ret_line,
		   const char **ret_directory);
