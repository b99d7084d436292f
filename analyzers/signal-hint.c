/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a pointer that leads nowhere looks like: a fill pattern, text, half of a pointer, an allocator's own link, one
 * flipped bit. Each is a property of the value that can be checked by hand; none changes the verdict.
 */
#include <string.h>

#include "signal-decode.h"

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))
#define PAGE_SHIFT 12
/* Pages of heaps that are tried as the place of an allocator's link. */
#define PAGES_MAX 65536u
/* Below this a flipped bit only moves a pointer within or beside its own block. */
#define FLIPPED_LOWEST 24u
/* Error numbers end here (MAX_ERRNO of the kernel). */
#define ERRNO_MAX 4095u

struct context {
	const struct decode *d;
	uint64_t pointer; /* the base register's value, or the address */
	const char *name; /* of that register, or "the address" */
	struct pointer_hint *hint;
};

static bool set(struct context *c, const char *kind, const char *clause, const char *evidence, const char *advice) {
	if (kind)
		c->hint->kind = kind;
	c->hint->clause = clause;
	c->hint->evidence = evidence;
	c->hint->advice = advice;
	return true;
}

/* Which memory checkers and allocators write which byte where. */
static const struct {
	uint8_t byte;
	bool freed;
	const char *by;
} fills[] = {
	{ 0x5a, true, "jemalloc writes it into freed memory" },
	{ 0xa5, false, "jemalloc and others write it into memory that was allocated and not yet set" },
	{ 0xcd, false, "debugging allocators write it into memory that was allocated and not yet set" },
	{ 0xdd, true, "debugging allocators write it into freed memory" },
	{ 0xfd, false, "debugging allocators write it around blocks" },
	{ 0x6b, true, "poisoned freed memory is filled with it" },
	{ 0xbe, false, "AddressSanitizer writes it into memory that was allocated and not yet set" },
	{ 0xaa, false, "a common fill of memory that was not set" },
	{ 0xfe, true, "a common fill of freed memory" },
};

static bool find_fill(struct context *c) {
	uint8_t byte = (uint8_t)c->pointer;
	const char *by = NULL;
	bool freed = false;

	if (byte == 0 || byte == 0xff)
		return false;
	for (unsigned i = 1; i < c->d->core->word_bytes; i++)
		if ((uint8_t)(c->pointer >> (8 * i)) != byte)
			return false;
	for (size_t i = 0; i < COUNT(fills); i++)
		if (fills[i].byte == byte) {
			by = fills[i].by;
			freed = fills[i].freed;
		}
	if (!by && byte >= 0x20 && byte <= 0x7e)
		return false; /* text, more likely */
	return set(c, freed ? "freed" : NULL, freed ? "a fill of freed memory" : "a fill pattern",
	    cw_format(c->d->core, "every byte of %s is 0x%02x: %s", c->name, byte, by ? by : "a fill pattern"),
	    freed ? "the pointer was most likely read from memory that had been freed" : "the pointer was read from memory that was never set, or overwritten with one byte");
}

static bool find_poison(struct context *c) {
	static const uint32_t words[] = { 0xdeadbeef, 0xbaadf00d, 0xfeedface, 0xcafebabe, 0xdeadc0de, 0xfeeefeee, 0x0badf00d, 0xdeaddead, 0xcafed00d };
	uint32_t low = (uint32_t)c->pointer, high = (uint32_t)(c->pointer >> 32);

	for (size_t i = 0; i < COUNT(words); i++)
		if (low == words[i] || (high == words[i] && c->d->core->word_bytes == 8))
			return set(c, NULL, "a poison pattern",
			    cw_format(c->d->core, "%s holds 0x%x, which programs write into memory that must not be used (any more)", c->name, words[i]),
			    "the pointer was deliberately made invalid, or read from memory that was");
	return false;
}

/* The end of the address space: -1 is MAP_FAILED, -22 an error number taken for a pointer. */
static bool find_error_number(struct context *c) {
	uint64_t all = c->d->core->word_bytes == 8 ? UINT64_MAX : UINT32_MAX, number = (all - c->pointer + 1) & all;

	if (number == 0 || number > ERRNO_MAX)
		return false;
	return set(c, NULL, number == 1 ? "-1, which functions return when they fail" : "a small negative number",
	    cw_format(c->d->core, "%s is -%" PRIu64 "%s", c->name, number,
	        number == 1 ? ", as mmap() returns for an error (MAP_FAILED)" : ", as an error number or an index below an array"),
	    "the result of a call that failed was used as a pointer: check it first (MAP_FAILED is not NULL)");
}

/* Bytes in the order of memory; the two topmost of a canonical pointer are 0. */
static bool find_text(struct context *c) {
	unsigned n = c->d->core->word_bytes, printable = 0, least = n == 8 ? 5 : 4;

	while (printable < n && (uint8_t)(c->pointer >> (8 * printable)) >= 0x20 && (uint8_t)(c->pointer >> (8 * printable)) <= 0x7e)
		printable++;
	if (printable < least || (printable < n && c->pointer >> (8 * printable) != 0))
		return false;
	return set(c, NULL, "text was written over the pointer",
	    cw_format(c->d->core, "the bytes of %s, 0x%" PRIx64 ", are printable text, as after a string was written over the pointer", c->name, c->pointer),
	    "a string was written over the pointer: look for the buffer in front of it");
}

/* An int that was a pointer: the upper half is gone, or only copies of a sign bit. */
static bool find_truncated(struct context *c) {
	uint64_t upper = c->pointer >> 32, candidate;

	if (c->d->core->word_bytes != 8 || (upper != 0 && upper != UINT32_MAX) || (c->pointer & UINT32_MAX) < 65536)
		return false;
	for (size_t i = 0; i < c->d->core->n_mappings; i++) {
		const struct cw_mapping *m = &c->d->core->mappings[i];

		candidate = (m->start & ~(uint64_t)UINT32_MAX) | (c->pointer & UINT32_MAX);
		if (m->start >> 32 != 0 && m->start >> 32 != UINT32_MAX && m->perm != 0 && candidate >= m->start && candidate < m->end)
			return set(c, NULL, "the upper half of a pointer is missing",
			    cw_format(c->d->core, "with its upper half %s would be 0x%" PRIx64 ", which lies in %s: the pointer went through an int", c->name,
			        candidate, m->name ? m->name : "anonymous memory"),
			    "the pointer was cut to 32 bits: a function without a declaration (-Wimplicit-function-declaration), or a cast to int");
	}
	return false;
}

static bool is_heap(const struct cw_mapping *m) {
	return (m->perm & CW_PERM_WRITE) && (m->kind == CW_REGION_HEAP || m->kind == CW_REGION_ANONYMOUS);
}

/* glibc >= 2.32 links free blocks by (place >> 12) ^ next ("safe linking", malloc/malloc.c, PROTECT_PTR). */
static bool find_free_link(struct context *c) {
	unsigned left = PAGES_MAX;

	for (size_t i = 0; i < c->d->core->n_mappings; i++) {
		const struct cw_mapping *m = &c->d->core->mappings[i];

		for (uint64_t page = m->start >> PAGE_SHIFT; is_heap(m) && page < m->end >> PAGE_SHIFT && left > 0; page++, left--) {
			uint64_t next = c->pointer ^ page;

			if (next != 0 && (next % 16 != 0 || next < m->start || next >= m->end))
				continue;
			return set(c, "freed", "a link of the allocator's list of free blocks",
			    next == 0 ? cw_format(c->d->core, "%s is 0x%" PRIx64 " >> 12, an address in %s: what glibc stores in the last free block of a list",
			                    c->name, page << PAGE_SHIFT, m->name ? m->name : "anonymous memory")
			              : cw_format(c->d->core, "%s, xor 0x%" PRIx64 " >> 12, is 0x%" PRIx64 " in the same memory: what glibc stores in a free block",
			                    c->name, page << PAGE_SHIFT, next),
			    "the pointer was read from a block that had been freed");
		}
	}
	return false;
}

static bool find_flipped_bit(struct context *c) {
	const struct cw_mapping *found = NULL;
	unsigned bit = 0;

	for (unsigned i = FLIPPED_LOWEST; c->d->core->word_bytes == 8 && i < 64; i++) {
		const struct cw_mapping *m = cw_find_mapping(c->d->core, c->pointer ^ (UINT64_C(1) << i));

		if (!m || !(m->perm & CW_PERM_WRITE))
			continue;
		if (found)
			return false; /* two ways to mend it are no sign of anything */
		found = m;
		bit = i;
	}
	if (!found)
		return false;
	return set(c, NULL, "one bit of it is wrong",
	    cw_format(c->d->core, "with bit %u flipped %s would be 0x%" PRIx64 ", which lies in %s", bit, c->name, c->pointer ^ (UINT64_C(1) << bit),
	        found->name ? found->name : "anonymous memory"),
	    "one bit of the pointer is wrong: a stray write, a flag kept in the pointer, or bad memory (if other programs crash too, test it)");
}

/* malloc() maps large blocks on their own, 16 bytes behind a page's start, and free() unmaps them. */
static bool find_unmapped_block(struct context *c) {
	const struct cw_region *r = &c->d->fault->region;

	if (c->d->core->word_bytes != 8 || r->kind != CW_REGION_UNMAPPED || !r->before || !r->after || c->pointer % 4096 != 16)
		return false;
	if (r->after->kind == CW_REGION_STACK || (r->after->kind != CW_REGION_ANONYMOUS && !r->after->module))
		return false;
	return set(c, "freed", "most likely a large block after free()",
	    cw_format(c->d->core, "%s is 16 bytes behind the start of a page, as malloc() returns for large blocks, which free() unmaps at once", c->name),
	    "a large block was used after free()");
}

void hint_find(const struct decode *d, struct pointer_hint *hint) {
	static bool (*const finders[])(struct context *c) = { find_error_number, find_fill, find_poison, find_free_link, find_text, find_truncated,
		find_flipped_bit, find_unmapped_block };
	struct context c = { .d = d, .pointer = d->fault->address, .name = "the address", .hint = hint };

	if (d->fault->region.mapping) /* then not the pointer is the riddle */
		return;
	if (d->variable) {
		c.pointer = d->variable->value;
		c.name = d->variable->name;
	} else if (d->operand && d->operand->base && decode_register(d, d->operand->base, &c.pointer) >= 0)
		c.name = d->operand->base;
	for (size_t i = 0; i < COUNT(finders); i++)
		if (finders[i](&c))
			return;
}
