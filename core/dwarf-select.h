/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of a file's packed debug info that tells about given addresses.
 *
 * .debug_aranges names the units. Only they are taken out of .debug_info, and put together as if there were no others:
 * references within a unit are relative to its start. Only their line tables are taken out of .debug_line, and left at
 * their places. Where that does not do (an address that no unit claims, units that refer to each other, as after
 * link-time optimisation), the caller loads everything. Formats: DWARF 5 §6.1.2, §7.5.1, §7.5.3, §6.2.4.
 */
#pragma once

#include <elfutils/libdw.h>

#include "core/dwarf-far.h"
#include "core/dwarf-image-private.h"

/* What was taken out. */
struct selection {
	uint8_t *bytes;        /* of .debug_info: all units, one after the other */
	size_t size;
	uint8_t *aranges;      /* what .debug_aranges has of them: strict DWARF 2 says nowhere else all that a unit has */
	size_t aranges_size;
	struct far_codes far;  /* and what was left out, because it can be told without its units */
};

/* addresses: file addresses, in any order. entry: the program's entry point. fd: the file, or -EBADF. leave_out: what is far. 0; -ENOENT: it cannot be told, load everything;
 * -EBADMSG, -EOPNOTSUPP, -EFBIG, -ENOMEM. Free with selection_free(). */
int selection_make(const struct dwarf_parts *parts, int fd, const uint64_t *addresses, size_t n, uint64_t entry,
		   bool leave_out, struct selection *ret_selection);
void selection_free(struct selection *selection);

/* Reads the length of the unit or line table that begins at offset. head gets the bytes that were read for it; *ret_size: all of its bytes, within the part.
 * 0, -EBADMSG, -errno of the stream. */
int span_read_length(struct section_stream *stream, const struct dwarf_part *part, uint64_t offset, uint8_t head[12], size_t *ret_head, uint64_t *ret_size);

/* Whether the units need nothing but themselves. abbrevs: .debug_abbrev. */
bool selection_is_closed(const struct selection *selection, const uint8_t *abbrevs, size_t size);

/* Fills in the line tables of the units that dwarf has, and of what is far, within to, the place of .debug_line in the image. -EAGAIN: nothing may be left out;
 * -EBADMSG, -EFBIG, -ENOMEM. */
int selection_fill_lines(struct selection *selection, Dwarf *dwarf, const struct dwarf_part *lines, int fd, uint8_t *to);
