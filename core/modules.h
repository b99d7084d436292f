/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The map of the process: mappings out of the core's segments (authoritative) and NT_FILE (names), and the ELF files among them, each checked by build-id
 * against the file on disk. A file whose build-id differs is not used. Paths come from the core: they are opened with the worker's own, low, rights, and only regular files are read.
 */
#pragma once

#include "core/notes.h"

/* Sets core's mappings and modules (names, bounds, build-ids); opens no file yet. 0 or -ENOMEM. */
int modules_map(struct core *core, const struct file_mapping *files, size_t n_files);
/* Reads build-ids out of the core, opens and verifies the files. Needs the first page of each module in reach. 0 or -ENOMEM. */
int modules_open(struct core *core);
void modules_close(struct core *core);
