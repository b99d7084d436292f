/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One JSON text, written from left to right into a buffer. For stacks only: two hundred threads have thousands of
 * frames, and to build json-c's objects for them took a third of an analysis. Format: RFC 8259.
 *
 * Keys are literals of ours and not escaped. After the first failure to get memory nothing more is written.
 */
#pragma once

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

/* key: NULL within an array and at the top. bracket: '{' or '['; line_close() takes the closing one. */
void line_open(struct line *line, const char *key, char bracket);
void line_close(struct line *line, char bracket);
void line_string(struct line *line, const char *key, const char *value); /* NULL: left out */
void line_integer(struct line *line, const char *key, int64_t value);
/* A number that readers may refuse from 2^53 on is cut to that. */
void line_size(struct line *line, const char *key, uint64_t value);
void line_address(struct line *line, const char *key, uint64_t value); /* "0x…" */
void line_boolean(struct line *line, const char *key, bool value);
void line_null(struct line *line, const char *key);
/* Members of an object, with commas between them, that were written into another line. */
void line_members(struct line *line, const char *members, size_t n);
