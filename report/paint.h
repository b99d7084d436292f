/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing for a terminal: colour or none, UTF-8 or ASCII, words wrapped at a width. Everything that render-*.c prints
 * goes through here, so that one place keeps control characters away from the terminal, whatever a report contains.
 * Errors of the stream are for the caller to find with ferror().
 */
#pragma once

#include "report/report.h"

enum ink { INK_PLAIN, INK_BOLD, INK_DIM, INK_RED, INK_YELLOW, INK_GREEN, INK_BLUE, INK_HEADING };

struct paint {
	FILE *out;
	struct report_style style;
};

/* s, one character for each sign that the terminal has not: "×" is "x" in ASCII, unknown ones are "?". */
void paint_text(const struct paint *paint, enum ink ink, const char *s);
void paint_format(const struct paint *paint, enum ink ink, const char *format, ...) _printf_(3, 4);
/* Columns that s takes, each character counted as one. */
size_t paint_columns(const struct paint *paint, const char *s);
/* s filled with blanks, or cut with an ellipsis, to exactly so many columns. Names are cut in the middle: both ends of
 * a C++ or Rust name matter. Paths lose their first folders. */
enum cell { CELL_LEFT, CELL_RIGHT, CELL_NAME, CELL_PATH };
void paint_cell(const struct paint *paint, enum ink ink, const char *s, size_t columns, enum cell cell);
/* A paragraph: `first` before the first line, blanks of the same width before the others, wrapped between words. Ends
 * the line. */
void paint_paragraph(const struct paint *paint, enum ink ink, const char *first, const char *s);
void paint_heading(const struct paint *paint, const char *s);
void paint_blanks(const struct paint *paint, size_t n);
void paint_line(const struct paint *paint);
