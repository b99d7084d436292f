/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folders for others in the daemon's cache: a user's symbols, and fetched files. What is in them is the others' business. */
#pragma once

#include "util/macro.h"

/*
 * Opens directory/symbols/UID, made if it is missing, owned by that uid and closed to all others: what one user's
 * worker writes, another's never reads. privileged: we may act as uid; else it must be ours. fd or -errno.
 */
int cache_open(const char *directory, uint32_t uid, uint32_t gid, bool privileged);
/*
 * Opens directory/NAME, made if it is missing: ours, and written by that group. Others may open what they know the name
 * of, and not list it. privileged: we may act as gid; else only we write there. An O_PATH descriptor or -errno.
 */
int cache_open_shared(const char *directory, const char *name, uint32_t gid, bool privileged);
