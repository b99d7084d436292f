/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See line.h. */
#include "worker/line.h"

/* JSON numbers are exact up to here; readers refuse larger ones. */
#define NUMBER_MAX (UINT64_C(1) << 53)
/* A 64-bit number in either base, quotes, sign. */
#define NUMBER_BYTES 24u

void line_free(struct line *l) {
	free(l->bytes);
	*l = (struct line){ .bytes = NULL };
}

/* Room for n more bytes, or NULL. */
static char *room(struct line *l, size_t n) {
	if (l->failed)
		return NULL;
	if (n > l->allocated - l->n) {
		size_t more = MAX(l->allocated * 2, l->n + n + 1024);
		char *grown = realloc(l->bytes, more);

		if (!grown) {
			l->failed = true;
			return NULL;
		}
		l->bytes = grown;
		l->allocated = more;
	}
	return l->bytes + l->n;
}

static void put(struct line *l, const char *bytes, size_t n) {
	char *to = room(l, n);

	if (!to)
		return;
	memcpy(to, bytes, n);
	l->n += n;
}

static void put_key(struct line *l, const char *key) {
	if (l->n > 0 && l->bytes[l->n - 1] != '{' && l->bytes[l->n - 1] != '[')
		put(l, ",", 1);
	if (!key)
		return;
	put(l, "\"", 1);
	put(l, key, strlen(key));
	put(l, "\":", 2);
}

void line_open(struct line *l, const char *key, char bracket) {
	put_key(l, key);
	put(l, &bracket, 1);
}

void line_close(struct line *l, char bracket) {
	put(l, &bracket, 1);
}

static void put_escape(struct line *l, unsigned char c) {
	char text[8] = { '\\', (char)c };
	int n = 2;

	if (c < 0x20)
		n = snprintf(text, sizeof(text), "\\u%04x", c);
	put(l, text, (size_t)n);
}

void line_string(struct line *l, const char *key, const char *value) {
	if (!value)
		return;
	put_key(l, key);
	put(l, "\"", 1);
	while (*value) {
		size_t n = 0;

		while ((unsigned char)value[n] >= 0x20 && value[n] != '"' && value[n] != '\\')
			n++;
		put(l, value, n);
		value += n;
		if (*value)
			put_escape(l, (unsigned char)*value++);
	}
	put(l, "\"", 1);
}

/* The digits of value before `end`; returns where they begin. */
static char *digits(char *end, uint64_t value, unsigned base) {
	do
		*--end = "0123456789abcdef"[value % base];
	while (value /= base);
	return end;
}

void line_integer(struct line *l, const char *key, int64_t value) {
	char text[NUMBER_BYTES], *end = text + sizeof(text), *p;

	p = digits(end, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
	if (value < 0)
		*--p = '-';
	put_key(l, key);
	put(l, p, (size_t)(end - p));
}

void line_size(struct line *l, const char *key, uint64_t value) {
	line_integer(l, key, (int64_t)MIN(value, NUMBER_MAX));
}

void line_address(struct line *l, const char *key, uint64_t value) {
	char text[NUMBER_BYTES], *end = text + sizeof(text), *p;

	*--end = '"';
	p = digits(end, value, 16);
	*--p = 'x';
	*--p = '0';
	*--p = '"';
	put_key(l, key);
	put(l, p, (size_t)(end + 1 - p));
}

void line_boolean(struct line *l, const char *key, bool value) {
	put_key(l, key);
	put(l, value ? "true" : "false", value ? 4 : 5);
}

void line_null(struct line *l, const char *key) {
	put_key(l, key);
	put(l, "null", 4);
}
