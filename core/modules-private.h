/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What modules.c, modules-open.c and modules-gaps.c share; nobody else includes this. */
#pragma once

#include "core/modules.h"

/* Adds a mapping for each part of a file that none of the first n mappings holds; files and mappings are in order of
 * address, and so is the result. Returns the new number, at most max. */
size_t modules_add_gaps(struct core *core, const struct file_mapping *files, size_t n_files, size_t n, size_t max);
/* The permissions of such mappings, by the files: once these are open. */
void modules_check_gaps(struct core *core);
