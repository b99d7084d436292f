/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folders for others in the daemon's cache: a user's symbols, and fetched files. What is in them is the others' business. */
#pragma once

#include "util/macro.h"

/* Whose folder: a worker's ids, and the user whose crash it looks at. */
struct cache_user {
	uint32_t uid, gid, owner;
};

/*
 * Opens directory/symbols/UID, or UID-OWNER where the worker is not the owner's, made if it is missing, owned by that
 * uid and closed to all others: what a worker for one user writes, another's never reads. For a new one the folder that
 * was opened longest ago goes where there are CACHE_FOLDERS_MAX. privileged: we may act as uid; else it must be ours. fd
 * or -errno.
 */
int cache_open(const char *directory, const struct cache_user *user, bool privileged);

/*
 * Each has its own limit (worker/main.c), and whoever has a range of subordinate uids could have a folder for each of
 * them: without this limit he fills the disk.
 */
#define CACHE_FOLDERS_MAX 32u

/*
 * Opens directory/NAME, made if it is missing: ours, and written by that group. Others may open what they know the name
 * of, and not list it. privileged: we may act as gid; else only we write there. An O_PATH descriptor or -errno.
 */
int cache_open_shared(const char *directory, const char *name, uint32_t gid, bool privileged);
