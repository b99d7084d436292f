/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One JSON text, written from left to right into a buffer. For stacks only: two hundred threads have thousands of
 * frames, and to build json-c's objects for them took a third of an analysis. Format: RFC 8259.
 *
 * Keys are literals of ours and not escaped. After the first failure to get memory nothing more is written.
 */
#pragma once

#include <string.h>

#include "util/macro.h"

/* JSON numbers are exact up to here; readers refuse larger ones. */
#define LINE_NUMBER_MAX (UINT64_C(1) << 53)

struct line {
	char *bytes;           /* not terminated */
	size_t n, allocated;
	bool failed;           /* no memory */
};

void line_free(struct line *line);
#define _cleanup_line_ _cleanup_(line_free)

/*
 * A key: a literal, or NULL within an array and at the top. The functions are inline so that the compiler counts a
 * literal's bytes: a stack has some ten keys a frame.
 */
struct line_key {
	const char *text;
	size_t n;
};

static inline struct line_key line_key(const char *text) {
	return (struct line_key){ text, text ? strlen(text) : 0 };
}

void line_put(struct line *line, struct line_key key, const char *value, size_t n); /* as it is */
void line_put_string(struct line *line, struct line_key key, const char *value);
void line_put_integer(struct line *line, struct line_key key, int64_t value);
void line_put_address(struct line *line, struct line_key key, uint64_t value);

/* bracket: '{' or '['; line_close() takes the closing one. */
static inline void line_open(struct line *line, const char *key, char bracket) {
	line_put(line, line_key(key), &bracket, 1);
}

void line_close(struct line *line, char bracket);

/* NULL: left out. */
static inline void line_string(struct line *line, const char *key, const char *value) {
	if (value)
		line_put_string(line, line_key(key), value);
}

static inline void line_integer(struct line *line, const char *key, int64_t value) {
	line_put_integer(line, line_key(key), value);
}

/* A number that readers may refuse from 2^53 on is cut to that. */
static inline void line_size(struct line *line, const char *key, uint64_t value) {
	line_put_integer(line, line_key(key), (int64_t)MIN(value, LINE_NUMBER_MAX));
}

/* "0x…" */
static inline void line_address(struct line *line, const char *key, uint64_t value) {
	line_put_address(line, line_key(key), value);
}

static inline void line_boolean(struct line *line, const char *key, bool value) {
	line_put(line, line_key(key), value ? "true" : "false", value ? 4 : 5);
}

static inline void line_null(struct line *line, const char *key) {
	line_put(line, line_key(key), "null", 4);
}

/* The digits of an address, up to `end`; returns where they begin. */
char *line_hexadecimal(char *end, uint64_t value);

/* Members of an object, with commas between them, that were written into another line. */
void line_members(struct line *line, const char *members, size_t n);
