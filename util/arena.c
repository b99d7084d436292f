/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bump allocator over a list of blocks. Large requests get a block of their own, so that no block is wasted for them.
 *
 * An arena that has grown a little is about to grow a lot: from then on it takes memory as the kernel's huge pages. One fault instead of 512 is
 * the larger part of what its memory costs in a process that lives for milliseconds.
 */
#include "util/arena.h"

#include <assert.h>
#include <sys/mman.h>

#define BLOCK_BYTES (64u << 10)
/* What a huge page is on x86-64, i386 with PAE, and aarch64 with 4 KiB pages. Elsewhere the advice goes by unheard. */
#define HUGE_BYTES (2u << 20)
/* An arena with this many bytes is "large". */
#define HUGE_FROM (192u << 10)
#define ALIGNMENT 16u

struct block {
	struct block *next;
	size_t size, used;     /* of data */
	size_t mapped;         /* bytes that are unmapped again; 0: malloc()ed */
	_Alignas(ALIGNMENT) unsigned char data[];
};

struct arena {
	struct block *blocks;
	size_t limit, used;
};

int arena_new(size_t limit, struct arena **ret_arena) {
	struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->limit = limit;
	*ret_arena = a;
	return 0;
}

void arena_free(struct arena *a) {
	if (!a)
		return;
	for (struct block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		if (b->mapped > 0)
			munmap(b, b->mapped);
		else
			free(b);
	}
	free(a);
}

/* Zeroed memory at a multiple of a huge page's size, or NULL. */
static struct block *map_huge(void) {
	char *p = mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *aligned;
	size_t before;

	if (p == MAP_FAILED)
		return NULL;
	aligned = (char *)(((uintptr_t)p + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1));
	before = (size_t)(aligned - p);
	if (before > 0)
		munmap(p, before);
	munmap(aligned + HUGE_BYTES, HUGE_BYTES - before);
	(void)madvise(aligned, HUGE_BYTES, MADV_HUGEPAGE); /* advice */
	return (struct block *)(void *)aligned;
}

static struct block *block_new(const struct arena *a, size_t need) {
	size_t size = MAX(need, (size_t)BLOCK_BYTES);
	struct block *b;

	if (need <= HUGE_BYTES / 2 && a->used + need >= HUGE_FROM && (b = map_huge())) {
		b->mapped = HUGE_BYTES;
		b->size = HUGE_BYTES - sizeof(*b);
		return b;
	}
	b = calloc(1, sizeof(*b) + size);
	if (b)
		b->size = size;
	return b;
}

static struct block *block_add(struct arena *a, size_t need) {
	struct block *b = block_new(a, need);

	if (!b)
		return NULL;
	/* A block for one large request goes behind the current one, whose rest stays in use. */
	if (a->blocks && need > BLOCK_BYTES / 2 && b->mapped == 0) {
		b->next = a->blocks->next;
		a->blocks->next = b;
	} else {
		b->next = a->blocks;
		a->blocks = b;
	}
	return b;
}

void *arena_alloc(struct arena *a, size_t size) {
	struct block *b = a->blocks;
	size_t need;
	void *p;

	if (size > SIZE_MAX / 2) /* so that no sum below overflows */
		return NULL;
	need = (MAX(size, (size_t)1) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (need > a->limit - MIN(a->used, a->limit))
		return NULL;
	if (!b || b->size - b->used < need) {
		b = block_add(a, need);
		if (!b)
			return NULL;
	}
	p = b->data + b->used;
	b->used += need;
	a->used += need;
	return p;
}

void *arena_alloc_array(struct arena *a, size_t n, size_t size) {
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return arena_alloc(a, bytes);
}

void *arena_grow(struct arena *a, const void *old, size_t old_n, size_t new_n, size_t size) {
	void *p;

	assert(new_n >= old_n);
	p = arena_alloc_array(a, new_n, size);
	if (p && old_n > 0)
		memcpy(p, old, old_n * size);
	return p;
}

void *arena_memdup(struct arena *a, const void *data, size_t size) {
	void *p = arena_alloc(a, size);

	if (p && size > 0)
		memcpy(p, data, size);
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n) {
	char *p;

	n = strnlen(s, n);
	p = arena_alloc(a, n + 1);
	if (p)
		memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s) {
	return arena_memdup(a, s, strlen(s) + 1);
}

char *arena_vprintf(struct arena *a, const char *format, va_list ap) {
	va_list again;
	char *p = NULL;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n >= 0)
		p = arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, format, ap);
	return p;
}

char *arena_printf(struct arena *a, const char *format, ...) {
	va_list ap;
	char *p;

	va_start(ap, format);
	p = arena_vprintf(a, format, ap);
	va_end(ap);
	return p;
}

size_t arena_used(const struct arena *a) {
	return a->used;
}
