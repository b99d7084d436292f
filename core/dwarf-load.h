/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loader: from an ELF file to a libdw handle. The only place that knows how debug sections get into memory: packed
 * ones through an image (dwarf-image.h), plain ones where libelf has mapped them.
 */
#pragma once

#include <elfutils/libdw.h>

#include "core/cache.h"
#include "core/dwarf-far.h"
#include "core/dwarf-file.h"
#include "core/dwarf-image.h"

/* Whether the file has units of its own (.debug_info with bytes in it, compressed or not). */
bool dwarf_present(Elf *elf);

/* Debug sections and what holds them. */
struct dwarf_handle {
	Dwarf *dwarf;              /* NULL: none */
	Elf *image_elf;            /* the image as libelf sees it; NULL: dwarf reads the file itself */
	struct dwarf_image image;
	struct cache_entry entry;  /* instead of image: kept from an earlier time */
	bool partial;              /* image has only the units of some addresses */
	struct far_codes far;      /* addresses that can be told without their units, if partial */
};

/* 0; -ENODATA: no such sections; -EFBIG: would inflate to more than we allow; -EOPNOTSUPP: packed in a way that nobody
 * knows; -EBADMSG: damaged; -ENOMEM. elf is borrowed and must outlive the handle; fd: the file
 * behind it, or -EBADF. */
int dwarf_load(Elf *elf, int fd, enum dwarf_image_use use, struct dwarf_handle *ret_handle);
/* Only what tells about these file addresses. As above, and -ENOENT: cannot be told, load all; -ENODATA: nothing is
 * packed, loading all costs nothing. After any error but -ENOMEM dwarf_load() may do better. */
int dwarf_load_units(Elf *elf, int fd, const uint64_t *addresses, size_t n, struct dwarf_handle *ret_handle);
/* From an image that was kept; takes the entry over on success. 0, -EBADMSG, -ENOMEM. */
int dwarf_load_inflated(struct cache_entry *entry, struct dwarf_handle *ret_handle);
/* The same with all sections, inflated by libdw: split DWARF needs it, since libdw looks for .dwo files beside a file
 * only if it was given the file itself. */
int dwarf_load_whole(Elf *elf, struct dwarf_handle *ret_handle);
/* Keeps libdw from looking for a dwz file by itself (it would open any path, FIFOs included): an alternate file with
 * nothing in it. 0 or -ENOMEM. */
int dwarf_load_empty(struct dwarf_handle *ret_handle);
void dwarf_unload(struct dwarf_handle *handle);
