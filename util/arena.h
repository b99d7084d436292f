/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An arena: memory that is freed all at once. Everything about a core has one lifetime, that of its arena, so nothing in core/ frees
 * single objects. Not thread-safe. The limit bounds what a hostile core can make us allocate.
 */
#pragma once

#include <stdarg.h>

#include "util/macro.h"

struct arena;

/* limit: bytes handed out at most, after which allocations fail. 0 or -ENOMEM. Free with arena_free(). */
int arena_new(size_t limit, struct arena **ret_arena);
void arena_free(struct arena *arena);
DEFINE_CLEANUP(struct arena *, arena_free);
#define _cleanup_arena_ _cleanup_(arena_freep)

/* Zeroed memory, aligned for any type; NULL when the limit or the memory is reached. size 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_alloc_array(struct arena *arena, size_t n, size_t size); /* NULL on overflow too */
/* A larger copy of an array in the arena (the old one stays until the arena goes). */
void *arena_grow(struct arena *arena, const void *old, size_t old_n, size_t new_n, size_t size);
void *arena_memdup(struct arena *arena, const void *data, size_t size);
char *arena_strdup(struct arena *arena, const char *s);
char *arena_strndup(struct arena *arena, const char *s, size_t n);
char *arena_printf(struct arena *arena, const char *format, ...) _printf_(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list ap) _printf_(2, 0);
size_t arena_used(const struct arena *arena);
