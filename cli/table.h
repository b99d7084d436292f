/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rows of text under headings, as wide as what is in them. Where it goes to a terminal, columns have an upper limit and
 * the last one, a sentence, gets what is left of the line: names and paths are cut to leave it some. It is dropped when
 * that is too little to say anything. Cells are copied.
 */
#pragma once

#include "cli/terminal.h"

struct table_column {
	const char *heading;
	size_t most; /* columns on a terminal; SIZE_MAX for the last */
	enum cell cell;
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	size_t inked; /* the column that has its row's colour */
	char **cells; /* n rows of n_columns */
	enum ink *inks;
	size_t n, room;
};

/* NULL and "" are shown as "-". 0 or -ENOMEM. */
int table_add(struct table *table, enum ink ink, const char *const *cells);
void table_print(const struct table *table, const struct terminal *terminal, bool legend);
void table_done(struct table *table);
