/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The folder of fetched files (util/fetched.h), as the one program that writes there sees it. A file gets its name only
 * once its build-id was found to be what was asked for. All of it may be deleted at any time.
 *
 * One folder for all users: a file's contents depend on its build-id and on the servers that the administrator chose,
 * not on who asked. A user who makes his program crash with somebody else's build-id gets that build's debug info
 * fetched, and nothing that he wrote. He can fill the folder with files of other builds, which costs the others time.
 * The folder cannot be listed but by its owner, so what else crashes here is seen only by guessing a build-id.
 */
#pragma once

#include "fetch/request.h"

/* Opens the folder a second time and waits until no other fetcher is at it; removes what killed ones left. Makes the
 * folder `work` (relative to the result) for downloads. fd or -errno. */
int store_open(int folder, const char *work);
/* Removes the folder for downloads and what is left there. */
void store_remove(int store, const char *work);

/* Bytes that one file may have: no more than half of what is free, so that nothing else on the disk suffers. */
uint64_t store_room(int store, uint64_t file_max, uint64_t cache_max);

/* 0, or -EBADMSG and a reason (static): not a regular file, not ELF, or another build-id. */
int store_verify(int fd, const char *id, uint64_t file_max, const char **ret_reason);
/* The build-id of the dwz file that debug info refers to. -ENOENT: none. */
int store_alternate(int fd, char ret_id[static FETCHED_ID_MAX + 1]);

/* Gives a verified file its name, readable for all workers and writable for nobody. 0 or -errno. */
int store_publish(int store, const char *path, enum fetched_kind kind, const char *id);
/* Remembers that the servers have no such file. 0 or -errno. */
int store_mark_absent(int store, enum fetched_kind kind, const char *id);

/* Deletes marks older than absent_for seconds, and the longest unused files beyond cache_max bytes. */
void store_trim(int store, uint64_t cache_max, uint64_t absent_for);
