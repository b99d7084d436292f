/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loader: from an ELF file to a libdw handle. The only place that knows how debug sections get into memory.
 * libdw inflates all compressed sections at once; a loader that takes only what is needed, or keeps inflated copies,
 * goes here.
 */
#pragma once

#include <elfutils/libdw.h>

#include "core/dwarf-file.h"

/* Whether the file has units of its own (.debug_info with bytes in it, compressed or not). */
bool dwarf_present(Elf *elf);
/* 0; -ENODATA: no debug info; -EFBIG: would inflate to more than we allow; -EOPNOTSUPP: packed in a way that libelf
 * cannot read; -EBADMSG: damaged. elf is borrowed and must outlive the handle. */
int dwarf_load(Elf *elf, Dwarf **ret_dwarf);
/* Keeps libdw from looking for a dwz file by itself (it would open any path, FIFOs included): an alternate file with
 * nothing in it. 0 or -ENOMEM. */
int dwarf_load_empty(Elf **ret_elf, Dwarf **ret_dwarf);
