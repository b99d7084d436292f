/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The entry's layout, for symbols-cache.c and symbols-cache-write.c; nobody else includes this. */
#pragma once

#include "core/symbols-cache.h"

/* Of one build: more places than that no program crashes at. Bounds the entry to some 30 MiB. */
#define RECORDS_MAX 65536u
#define INLINED_MAX (1u << 18)
#define NAMES_MAX 1024u
#define POOL_MAX MIB(16)

/* Strings are offsets into the pool; 0 is NULL. */
struct stored_location {
	uint32_t function, file, line, column;
};
struct stored_symbol {
	uint64_t address, start, size;
	struct stored_location at;
	uint32_t linkage_name, language;
	uint32_t first_inlined, n_inlined;
	uint8_t found, evidence;
	int8_t optimized;
	uint8_t unused[5];
};
struct stored_name {
	uint64_t address;
	uint32_t name, defined;
};
struct head {
	uint32_t n_symbols, n_inlined, n_names, pool_bytes, debuginfo, unused[3];
};
_Static_assert(sizeof(struct stored_symbol) == 64 && sizeof(struct head) == 32, "no padding: it would hold rubbish");

/* An entry's parts, within its bytes. */
struct view {
	const struct stored_symbol *symbols;
	const struct stored_location *inlined;
	const struct stored_name *names;
	const char *pool;
	struct head head;
};

struct fresh_symbol {
	uint64_t address;
	struct symbol_answer answer;
};
struct fresh_name {
	const char *name;
	uint64_t address;
	bool defined;
};

struct symbols_cache {
	struct cache cache;
	struct cache_key key;
	char name[80];
	struct cache_entry entry;
	struct view view;       /* of entry; empty if there is none */
	struct fresh_symbol *symbols;
	size_t n_symbols, symbols_allocated;
	struct fresh_name names[16];
	size_t n_names;
};

/* One record of the entry. 0, -EBADMSG, -ENOMEM. */
int stored_get(const struct view *view, struct arena *arena, const struct stored_symbol *stored,
	       struct symbol_answer *ret_answer);
