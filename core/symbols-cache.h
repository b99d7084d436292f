/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was looked up in one build, kept from crash to crash: (build-id, address) → symbol, and names → addresses. A
 * program that crashes again crashes at the same places: then neither debug info nor symbol tables are read.
 *
 * One cache entry per build-id ("<build-id>.sym", see cache.h), read at once, written anew with what is new. All
 * addresses are file addresses.
 */
#pragma once

#include "core/cache.h"
#include "core/core.h"

/* What an answer was taken from, for the module's language. Kept with it: the units are not read again. */
enum evidence { EVIDENCE_NONE, EVIDENCE_NAME, EVIDENCE_RUNTIME, EVIDENCE_PROGRAM };

struct symbol_answer {
	bool known;                 /* the cache had it */
	bool found;
	struct cw_symbol symbol;    /* in an arena */
	enum evidence evidence;
	const char *language;       /* NULL: not known */
	int optimized;              /* -1: not known */
};

struct symbols_cache;

/* Opens the entry of a build whose symbols come from these files. 0 (also if there is none yet), -ENOMEM. */
int symbols_cache_open(const struct cache *cache, const char *build_id, const int *files, size_t n_files,
		       struct symbols_cache **ret_cache);
void symbols_cache_free(struct symbols_cache *cache);
/* Whether the build was seen before: there was an entry, and it was good. */
bool symbols_cache_known(const struct symbols_cache *cache, enum cw_debuginfo *ret_debuginfo);

/* Strings go into the arena. 0; -ENOENT: never asked; -ENOMEM. */
int symbols_cache_get(const struct symbols_cache *cache, struct arena *arena, uint64_t address,
		      struct symbol_answer *ret_answer);
/* 0 and *ret_address; -ENODATA: known to be undefined; -ENOENT: never asked. */
int symbols_cache_find(const struct symbols_cache *cache, const char *name, uint64_t *ret_address);
/* Remembers; borrowed until saved: answers and names must lie in the core's arena. Without memory or room: does not. */
void symbols_cache_put(struct symbols_cache *cache, uint64_t address, const struct symbol_answer *answer);
void symbols_cache_put_name(struct symbols_cache *cache, const char *name, bool defined, uint64_t address);
/* Writes the entry if there is anything new. Failures cost only time. */
void symbols_cache_save(struct symbols_cache *cache, struct arena *arena, enum cw_debuginfo debuginfo);
