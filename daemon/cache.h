/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folders of others in the daemon's cache: a user's symbols, and fetched files. What is in them is their owners' business. */
#pragma once

#include <sys/types.h>

#include "util/macro.h"

/*
 * Opens directory/UID, made if it is missing, owned by that uid and closed to all others: what one user's worker
 * writes, another's never reads. privileged: the folder can be given to uid; else it must be ours. fd or -errno.
 */
int cache_open(const char *directory, uint32_t uid, uint32_t gid, bool privileged);
/* The same with directory/NAME, closed or open to others as mode says. An O_PATH descriptor: only the owner may list it. */
int cache_open_folder(const char *directory, const char *name, mode_t mode, uint32_t uid, uint32_t gid,
                      bool privileged);
