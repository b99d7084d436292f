/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See paint.h. Colours are the eight that every theme defines, and grey from the 256. */
#include "report/paint.h"

#include <stdarg.h>

/* A word longer than a line is not broken: a path or a command that wraps cannot be copied. */
#define WIDTH_LEAST 40

static const char *const inks[] = {
	[INK_PLAIN] = "",          [INK_BOLD] = "\x1b[1m",      [INK_DIM] = "\x1b[38;5;245m",
	[INK_RED] = "\x1b[1;31m",  [INK_YELLOW] = "\x1b[1;33m", [INK_GREEN] = "\x1b[32m",
	[INK_BLUE] = "\x1b[1;34m", [INK_HEADING] = "\x1b[1;4m",
};

/* The signs that render-*.c uses itself, and those usual in prose. */
static const struct {
	const char *sign, *ascii;
} signs[] = {
	{ "…", "..." }, { "×", "x" }, { "•", "*" },  { "·", "-" },  { "—", "-" }, { "–", "-" },  { "█", "#" },
	{ "░", "." },   { "▕", "[" }, { "▏", "]" },  { "┌", "," },  { "│", "|" }, { "└", "`" },  { "↳", ">" },
	{ "→", "->" },  { "’", "'" }, { "“", "\"" }, { "”", "\"" }, { "●", "*" }, { "≥", ">=" }, { "≤", "<=" },
};

/* Bytes of the character at s; the strings are valid UTF-8 where they come from text_clean(), and a stray byte counts
 * as one. */
static size_t character(const char *s) {
	size_t n = 1;

	while (n < 4 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static const char *ascii_of(const char *s, size_t n) {
	for (size_t i = 0; i < ELEMENTSOF(signs); i++)
		if (strlen(signs[i].sign) == n && memcmp(signs[i].sign, s, n) == 0)
			return signs[i].ascii;
	return "?";
}

/* What is printed for the character at s, and how many bytes and columns that takes. */
static const char *printed(const struct paint *paint, const char *s, size_t n, size_t *ret_bytes, size_t *ret_columns) {
	unsigned char c = (unsigned char)*s;

	*ret_bytes = n;
	*ret_columns = 1;
	if (n == 1 && (c < 0x20 || c >= 0x7f)) {
		*ret_bytes = 1;
		return "?";
	}
	if (n == 1 || paint->style.utf8)
		return s;
	s = ascii_of(s, n);
	*ret_bytes = *ret_columns = strlen(s);
	return s;
}

static void put(const struct paint *paint, const char *s, size_t length) {
	for (size_t i = 0; i < length;) {
		size_t n = MIN(character(s + i), length - i), bytes, columns;
		const char *p = printed(paint, s + i, n, &bytes, &columns);

		fwrite(p, 1, bytes, paint->out);
		i += n;
	}
}

static void put_ink(const struct paint *paint, enum ink ink, const char *s, size_t length) {
	bool colored = paint->style.color && ink != INK_PLAIN && length > 0;

	if (colored)
		fputs(inks[ink], paint->out);
	put(paint, s, length);
	if (colored)
		fputs("\x1b[0m", paint->out);
}

void paint_text(const struct paint *paint, enum ink ink, const char *s) {
	put_ink(paint, ink, s, strlen(s));
}

void paint_format(const struct paint *paint, enum ink ink, const char *format, ...) {
	_cleanup_free_ char *s = NULL;
	va_list ap;
	int r;

	va_start(ap, format);
	r = vasprintf(&s, format, ap);
	va_end(ap);
	if (r < 0) {
		s = NULL;
		return;
	}
	put_ink(paint, ink, s, strlen(s));
}

size_t paint_columns(const struct paint *paint, const char *s) {
	size_t sum = 0;

	while (*s) {
		size_t n = character(s), bytes, columns;

		printed(paint, s, n, &bytes, &columns);
		sum += columns;
		s += n;
	}
	return sum;
}

void paint_blanks(const struct paint *paint, size_t n) {
	for (; n > 0; n--)
		fputc(' ', paint->out);
}

/* Bytes of the longest beginning of s that takes at most so many columns, and the columns it takes. */
static size_t fitting(const struct paint *paint, const char *s, size_t columns, size_t *ret_used) {
	size_t used = 0, length = 0;

	while (s[length]) {
		size_t n = character(s + length), bytes, wide;

		printed(paint, s + length, n, &bytes, &wide);
		if (used + wide > columns)
			break;
		used += wide;
		length += n;
	}
	*ret_used = used;
	return length;
}

/* The end of s, of at most so many columns. */
static const char *fitting_end(const struct paint *paint, const char *s, size_t columns) {
	while (paint_columns(paint, s) > columns)
		s += character(s);
	return s;
}

void paint_cell(const struct paint *paint, enum ink ink, const char *s, size_t columns, enum cell cell) {
	size_t all = paint_columns(paint, s), dots = paint_columns(paint, "…"), used, length, end = 0;
	const char *tail = "";

	if (all <= columns) {
		if (cell == CELL_RIGHT)
			paint_blanks(paint, columns - all);
		put_ink(paint, ink, s, strlen(s));
		if (cell != CELL_RIGHT)
			paint_blanks(paint, columns - all);
		return;
	}
	columns -= MIN(dots, columns);
	if (cell == CELL_NAME || cell == CELL_PATH) {
		tail = fitting_end(paint, s, cell == CELL_NAME ? columns / 2 : columns);
		/* Of a folder's name no half. */
		if (cell == CELL_PATH && strchr(tail, '/'))
			tail = strchr(tail, '/');
		end = paint_columns(paint, tail);
	}
	length = fitting(paint, s, cell == CELL_PATH ? 0 : columns - end, &used);
	put_ink(paint, ink, s, length);
	put_ink(paint, ink, "…", strlen("…"));
	put_ink(paint, ink, tail, strlen(tail));
	paint_blanks(paint, columns - end - used);
}

void paint_line(const struct paint *paint) {
	fputc('\n', paint->out);
}

void paint_paragraph(const struct paint *paint, enum ink ink, const char *first, const char *s) {
	size_t width = MAX(paint->style.width, (unsigned)WIDTH_LEAST), indent = paint_columns(paint, first),
	       column = indent;

	paint_text(paint, INK_PLAIN, first);
	while (*s) {
		size_t n = strcspn(s, " "), columns;
		_cleanup_free_ char *word = strndup(s, n);

		if (!word)
			return;
		columns = paint_columns(paint, word);
		if (column > indent && column + 1 + columns > width) {
			paint_line(paint);
			paint_blanks(paint, indent);
			column = indent;
		} else if (column > indent) {
			put_ink(paint, ink, " ", 1);
			column++;
		}
		put_ink(paint, ink, word, n);
		column += columns;
		s += n;
		s += strspn(s, " ");
	}
	paint_line(paint);
}

void paint_heading(const struct paint *paint, const char *s) {
	paint_line(paint);
	paint_text(paint, INK_HEADING, s);
	paint_line(paint);
}
