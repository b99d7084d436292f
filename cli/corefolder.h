/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core files in a folder: for test runs, whose cores lie side by side. */
#pragma once

#include "util/macro.h"

/*
 * Paths of the regular files in the folder (not below it) that begin as an ELF core does, or are packed and named as
 * cores are: sorted by name, each allocated, the list too. -ENOTDIR: it is no folder.
 */
int corefolder_list(const char *folder, char ***ret_paths, size_t *ret_n);
void corefolder_free(char **paths, size_t n);
