/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that save work, in the folder of the crash's owner (descriptor 5): symbols of a build, inflated debug sections.
 *
 * Only that owner's workers read and write the folder, so nothing that one user's worker wrote reaches another's
 * report. Within it no file is believed: a worker that a core took over may have written it. A file must be regular and ours,
 * of the name, key and length it claims, and its checksum must fit; what is in it is then read as carefully as any ELF
 * file. All of it may be deleted at any time. Never a reason to fail: without a cache everything is only slower.
 */
#pragma once

#include <sys/stat.h>

#include "util/hash.h"
#include "util/macro.h"

struct cache {
	int fd;         /* the folder, borrowed; -EBADF: no cache */
	uint64_t max;   /* bytes of all files together */
};

/* What an entry was made from: it is of no use once any of it changes. */
struct cache_key {
	char text[HASH_TEXT_SIZE];
};

/* A checked entry in memory; private, so that writing to it does no harm. */
struct cache_entry {
	uint8_t *data;  /* NULL: none; aligned to 16 */
	size_t size;
	void *map;      /* for cache_entry_close() */
	size_t map_size;
};

/* files: descriptors, -EBADF for one that is not there. 0 or -errno. */
int cache_make_key(const char *kind, const char *build_id, const int *files, size_t n_files, struct cache_key *ret_key);
/* How an entry comes into memory. */
enum cache_access {
	CACHE_COPY, /* read: nobody can change it any more once it is checked */
	CACHE_MAP,  /* mapped: for hundreds of megabytes, and readers that expect anything at any time */
};

/* name: a plain file name. 0; -ENOENT; -EBADMSG: there, but not usable (it was removed); -errno. Marks the entry as
 * used. */
int cache_open(const struct cache *cache, const char *name, const struct cache_key *key, enum cache_access access,
	       struct cache_entry *ret_entry);
void cache_entry_close(struct cache_entry *entry);
/* Replaces an entry at once or not at all, and deletes the longest unused ones if there are too many bytes. 0 or
 * -errno. */
int cache_store(const struct cache *cache, const char *name, const struct cache_key *key, const void *data,
		size_t size);
