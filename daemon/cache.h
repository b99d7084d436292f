/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The symbol cache's folder of one user. Its contents are the worker's business; the daemon never looks at them. */
#pragma once

#include "util/macro.h"

/*
 * Opens directory/symbols/UID, made if it is missing, owned by that uid and closed to all others: what one user's
 * worker writes, another's never reads. privileged: we may act as uid; else it must be ours. fd or -errno.
 */
int cache_open(const char *directory, uint32_t uid, uint32_t gid, bool privileged);
