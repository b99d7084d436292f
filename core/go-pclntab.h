/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table that every Go program carries for its own tracebacks: functions, files, lines, and how far SP has moved. No stripping removes it, so names
 * and frames of a Go program are known where neither DWARF nor a symbol table is left.
 *
 * The four layouts that there have been (of Go 1.2, 1.16, 1.18 and 1.20) are read; all addresses are file addresses. The table is hostile: every offset
 * in it is checked against its size, every search is bounded, and what does not fit is an error, never a guess. It does not find the table: see go-module.h.
 * Specification: golang.org/s/go12symtab, and package debug/gosym of Go for the later layouts.
 */
#pragma once

#include "util/macro.h"

struct go_pclntab {
	const uint8_t *data;    /* borrowed; may be longer than the table */
	size_t size;
	const struct go_layout *layout;
	unsigned quantum, word; /* bytes: of an instruction at least, of a pointer */
	uint64_t text;          /* what entries count from: 0 before 1.18 */
	size_t n_functions;
	size_t functions;       /* offset of the table of (entry, record) pairs, from which records count, too */
	size_t names, units, files, values; /* offsets of the parts; 1.2: 0, everything counts from the start */
};

/* One function. */
struct go_function {
	uint64_t start, end;
	const char *name;       /* in the table; ends within it; as Go writes it, unclean */
	size_t record;          /* internal: offset of its record */
};

/* Whether a table may begin here: the first 8 bytes. */
#define GO_PCLNTAB_HEAD 8u
/* All magic numbers, as little-endian words, are this or more: a cheap look before go_pclntab_is_head(). */
#define GO_PCLNTAB_MAGIC_LEAST 0xfffffff0u
bool go_pclntab_is_head(const uint8_t *head);
/* The word that holds the text's start, relative to the table: a linker may have left it to the loader. 0: this layout has none. */
size_t go_pclntab_text_at(const uint8_t *head);

/* text: where functions count from; 0: as the table says. 0; -EBADMSG; -ENODATA: it needs a text and has none. */
int go_pclntab_open(const uint8_t *data, size_t size, uint64_t text, struct go_pclntab *ret_table);

/* The function that holds an address. 0; -ENOENT: none; -EBADMSG: its entry is damaged. */
int go_pclntab_find(const struct go_pclntab *table, uint64_t address, struct go_function *ret_function);
/* By name. 0, -ENOENT. */
int go_pclntab_find_name(const struct go_pclntab *table, const char *name, struct go_function *ret_function);

/* Where an address within a function comes from; *ret_file is unclean, in the table, or NULL. 0, -ENOENT, -EBADMSG. */
int go_function_line(const struct go_pclntab *table, const struct go_function *function, uint64_t address, const char **ret_file,
		     uint32_t *ret_line);
/* How many bytes the function has taken from SP at an address, the return address not counted. 0, -ENOENT, -EBADMSG. */
int go_function_stack(const struct go_pclntab *table, const struct go_function *function, uint64_t address, uint32_t *ret_bytes);

/* A call that the compiler inlined, as the function's inline tree tells. */
struct go_inline {
	const char *name;       /* of the function that was inlined */
	uint64_t caller;        /* address that stands for the call in the function around it */
};
/* The innermost call inlined at an address. tree: the bytes of the function's inline tree, as far as they go. 0; -ENOENT: nothing was inlined there, or
 * the layout is one whose trees are not read (before 1.18); -EBADMSG. */
int go_function_inline(const struct go_pclntab *table, const struct go_function *function, uint64_t address, const uint8_t *tree, size_t tree_size,
		       struct go_inline *ret_inline);
/* Where the tree is, relative to the program's go:func.*. 0, -ENOENT, -EBADMSG. */
int go_function_inline_tree(const struct go_pclntab *table, const struct go_function *function, uint32_t *ret_offset);
