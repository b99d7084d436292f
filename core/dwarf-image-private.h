/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What dwarf-sections.c, dwarf-image.c and dwarf-select.c share; nobody else includes this. */
#pragma once

#include "core/dwarf-image.h"
#include "core/section-stream.h"

/* A file has each needed section once; a damaged one may have thousands. */
#define PARTS_MAX 24u

/* One section on its way into the image. */
struct dwarf_part {
	const char *name;      /* of wanted[] */
	enum section_packing packing;
	const uint8_t *packed; /* in the file's mapping */
	uint64_t offset;       /* of packed, in the file */
	size_t packed_size, size;
	size_t at, name_at;    /* in the image */
	bool later;            /* only its place is made */
};

struct dwarf_parts {
	struct dwarf_part list[PARTS_MAX];
	size_t n;
	bool any_packed;
	uint64_t total;
};

/* The needed sections of a file. 0; -ENODATA: nothing in it is packed; -EFBIG, -EOPNOTSUPP, -EBADMSG. */
int dwarf_parts_find(Elf *elf, enum dwarf_image_use use, struct dwarf_parts *ret_parts);
/* NULL: none of that name. */
const struct dwarf_part *dwarf_parts_get(const struct dwarf_parts *parts, const char *name);

/* Makes an image of parts (whose places it sets). fd: the file that holds them, or -EBADF. 0, -EBADMSG, -ENOMEM. */
int dwarf_image_make(Elf *elf, int fd, struct dwarf_parts *parts, struct dwarf_image *ret_image);
