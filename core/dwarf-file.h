/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening the files that hold debug info. Their names come from other ELF files, so anything may lie there: only
 * regular files of a sane size are used, opening never blocks and never takes a terminal.
 */
#pragma once

#include <gelf.h>

#include "util/macro.h"

struct debug_file {
	int fd;           /* -EBADF: not open */
	Elf *elf;
	uint64_t bytes;
};

#define DEBUG_FILE_NONE { .fd = -EBADF }

/* 0; -ENOENT and the like; -EINVAL: not a regular file; -EFBIG; -ENOEXEC: not ELF. */
int debug_file_open(const char *path, struct debug_file *ret_file);
/* A file of a folder of our own: name is no path, links are not followed. */
int debug_file_open_at(int folder, const char *name, struct debug_file *ret_file);
void debug_file_close(struct debug_file *file);
#define _cleanup_debug_file_ _cleanup_(debug_file_close)
static inline struct debug_file debug_file_take(struct debug_file *file) {
	struct debug_file f = *file;
	*file = (struct debug_file)DEBUG_FILE_NONE;
	return f;
}

/* The build-id of an ELF file, in libelf's memory; its length, or 0. */
size_t elf_build_id(Elf *elf, const uint8_t **ret_id);
bool elf_has_build_id(Elf *elf, const uint8_t *id, size_t length);
/* Whether the whole file has this CRC-32 (the one of .gnu_debuglink). */
bool debug_file_has_crc(const struct debug_file *file, uint32_t crc);
/* The first section of that name that has bytes in the file, or NULL. */
Elf_Scn *elf_find_section(Elf *elf, const char *name);
