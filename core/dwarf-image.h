/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small ELF file in memory that holds the debug sections of another one: only those that are needed, inflated.
 *
 * libdw inflates every .debug_* section of a file, with zlib; half of what it inflates (locations, macros) is never
 * looked at here, and libdeflate takes a third of the time. What comes out is a plain ELF file, so it can also be kept
 * in a cache and mapped. Formats: ELF gABI (Elf_Chdr), the GNU .zdebug convention.
 */
#pragma once

#include <gelf.h>

#include "util/macro.h"

enum dwarf_image_use {
	DWARF_IMAGE_SYMBOLS, /* units, lines, names, ranges */
	DWARF_IMAGE_FRAMES,  /* .debug_frame */
};

struct dwarf_image {
	uint8_t *bytes;      /* NULL: none */
	size_t size;
};

/*
 * 0; -ENODATA: there is nothing to inflate in the file, libdw may read it as it is; -EFBIG: would inflate to more than
 * we allow; -EOPNOTSUPP: packed in a way that nobody knows; -EBADMSG: damaged, or of another byte order than ours;
 * -ENOMEM. elf, and fd (the file behind it, or -EBADF), are borrowed, for the call only. Free with dwarf_image_free().
 */
int dwarf_image_build(Elf *elf, int fd, enum dwarf_image_use use, struct dwarf_image *ret_image);
/* Whether libdw would have to inflate anything. */
bool dwarf_image_is_packed(Elf *elf);
/* Whether libdw may inflate the file itself: what its packed sections claim fits the same limits. 0, -EFBIG,
 * -EOPNOTSUPP, -EBADMSG. */
int dwarf_image_check(Elf *elf);
void dwarf_image_free(struct dwarf_image *image);
