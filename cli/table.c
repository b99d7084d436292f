/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See table.h. All rows are kept until the end, for a column is as wide as its widest cell. */
#include "cli/table.h"

#include <assert.h>

/* Columns; less than this of a sentence says nothing. */
#define LAST_LEAST 16
/* For so much of it names and paths are cut, but not to less than NAME_LEAST: that is a program's name, mostly. On a
 * line that has no room for it they are cut further, so that they fit. */
#define LAST_WANTED 48
#define NAME_LEAST 20
#define NAME_NARROW 12

#define COLUMNS_MAX 16

void table_done(struct table *table) {
	for (size_t i = 0; i < table->n * table->n_columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->inks);
}

static int grow(struct table *table) {
	size_t room = MAX(table->room * 2, (size_t)64);
	char **cells = reallocarray(table->cells, room * table->n_columns, sizeof(*cells));
	enum ink *inks;

	if (!cells)
		return -ENOMEM;
	table->cells = cells;
	inks = reallocarray(table->inks, room, sizeof(*inks));
	if (!inks)
		return -ENOMEM;
	table->inks = inks;
	table->room = room;
	return 0;
}

int table_add(struct table *table, enum ink ink, const char *const *cells) {
	char **row;

	if (table->n == table->room && grow(table) < 0)
		return -ENOMEM;
	row = table->cells + table->n * table->n_columns;
	memset(row, 0, table->n_columns * sizeof(*row));
	table->inks[table->n++] = ink;
	for (size_t c = 0; c < table->n_columns; c++) {
		row[c] = strdup(cells[c] && *cells[c] ? cells[c] : "-");
		if (!row[c])
			return -ENOMEM;
	}
	return 0;
}

/* Cuts the widest name or path by one column. */
static bool cut_one(const struct table *table, size_t least, size_t *widths) {
	size_t widest = SIZE_MAX;

	for (size_t c = 0; c + 1 < table->n_columns; c++)
		if ((table->columns[c].cell == CELL_NAME || table->columns[c].cell == CELL_PATH) && widths[c] > least &&
		    (widest == SIZE_MAX || widths[c] > widths[widest]))
			widest = c;
	if (widest == SIZE_MAX)
		return false;
	widths[widest]--;
	return true;
}

/* Makes room for the last column and returns what it is; 0 if it would be too little, then the others have the line. */
static size_t make_room(const struct table *table, size_t line, size_t sum, size_t *widths) {
	size_t wanted = MIN(widths[table->n_columns - 1], (size_t)LAST_WANTED), before[COLUMNS_MAX];

	memcpy(before, widths, table->n_columns * sizeof(*widths));
	while (sum + wanted > line && cut_one(table, NAME_LEAST, widths))
		sum--;
	if (sum + MIN(wanted, (size_t)LAST_LEAST) <= line)
		return line - sum;
	for (size_t c = 0; c + 1 < table->n_columns; c++) {
		sum += before[c] - widths[c];
		widths[c] = before[c];
	}
	while (sum > line + 1 && cut_one(table, NAME_NARROW, widths)) /* a blank stands behind each of them, but not at the end */
		sum--;
	return 0;
}

static void measure(const struct table *table, const struct terminal *t, bool legend, size_t *widths) {
	size_t sum = 0, last = table->n_columns - 1;

	for (size_t c = 0; c <= last; c++) {
		widths[c] = legend ? strlen(table->columns[c].heading) : 0;
		for (size_t i = 0; i < table->n; i++)
			widths[c] = MAX(widths[c], paint_columns(&t->paint, table->cells[i * table->n_columns + c]));
		if (t->is_terminal)
			widths[c] = MIN(widths[c], table->columns[c].most);
		if (c != last)
			sum += widths[c] + 1;
	}
	if (t->is_terminal)
		widths[last] = MIN(widths[last], make_room(table, t->paint.style.width, sum, widths));
}

static void print_row(const struct table *table, const struct terminal *t, enum ink ink, enum ink inked,
                      const char *const *cells, const size_t *widths) {
	size_t last = table->n_columns - 1;

	if (widths[last] == 0 && last > 0)
		last--;
	for (size_t c = 0; c <= last; c++) {
		bool left = table->columns[c].cell != CELL_RIGHT;
		/* No blanks at the end of a line. */
		size_t width = c == last && left ? MIN(widths[c], paint_columns(&t->paint, cells[c])) : widths[c];

		if (c > 0)
			paint_blanks(&t->paint, 1);
		paint_cell(&t->paint, c == table->inked ? inked : ink, cells[c], width, table->columns[c].cell);
	}
	paint_line(&t->paint);
}

void table_print(const struct table *table, const struct terminal *t, bool legend) {
	const char *headings[COLUMNS_MAX];
	size_t widths[COLUMNS_MAX];

	assert(table->n_columns <= COLUMNS_MAX);
	measure(table, t, legend, widths);
	for (size_t c = 0; c < table->n_columns; c++)
		headings[c] = table->columns[c].heading;
	if (legend)
		print_row(table, t, INK_BOLD, INK_BOLD, headings, widths);
	for (size_t i = 0; i < table->n; i++)
		print_row(table, t, INK_PLAIN, table->inks[i], (const char *const *)table->cells + i * table->n_columns,
		          widths);
}
