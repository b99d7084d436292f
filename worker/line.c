/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See line.h. */
#include "worker/line.h"

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

/* Comma and key; returns room for `more` bytes of value, which the caller adds to l->n. NULL: no memory. */
static char *put_key(struct line *l, struct line_key key, size_t more) {
	char *to = room(l, key.n + 4 + more);

	if (!to)
		return NULL;
	if (l->n > 0 && to[-1] != '{' && to[-1] != '[')
		*to++ = ',';
	if (key.text) {
		*to++ = '"';
		memcpy(to, key.text, key.n);
		to += key.n;
		*to++ = '"';
		*to++ = ':';
	}
	l->n = (size_t)(to - l->bytes);
	return to;
}

void line_put(struct line *l, struct line_key key, const char *value, size_t n) {
	char *to = put_key(l, key, n);

	if (!to)
		return;
	memcpy(to, value, n);
	l->n += n;
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

/* How many bytes from the start can be written as they are. Eight at a time: below 0x20, '"' and '\\' are found by
 * what borrows into a byte's top bit; a byte of 0x80 and up, of UTF-8, is never one of them. */
static size_t plain_length(const char *s, size_t n) {
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	size_t i = 0;

	for (; n - i >= 8; i += 8) {
		uint64_t w, quote, slash;

		memcpy(&w, s + i, 8);
		quote = w ^ ones * '"';
		slash = w ^ ones * '\\';
		if ((((w - ones * 0x20) | (quote - ones) | (slash - ones)) & ~w & tops) != 0)
			break;
	}
	while (i < n && (unsigned char)s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

void line_put_string(struct line *l, struct line_key key, const char *value) {
	size_t left = strlen(value), plain;
	char *to;

	to = put_key(l, key, left + 2);
	if (!to)
		return;
	*to++ = '"';
	plain = plain_length(value, left);
	memcpy(to, value, plain);
	value += plain;
	l->n = (size_t)(to + plain - l->bytes);
	for (; *value; value++) {
		if ((unsigned char)*value >= 0x20 && *value != '"' && *value != '\\')
			put(l, value, 1);
		else
			put_escape(l, (unsigned char)*value);
	}
	put(l, "\"", 1);
}

/* The digits of value, up to `end`; they return where they begin. */
static char *decimal(char *end, uint64_t value) {
	do
		*--end = (char)('0' + value % 10);
	while (value /= 10);
	return end;
}

char *line_hexadecimal(char *end, uint64_t value) {
	do
		*--end = "0123456789abcdef"[value & 15];
	while (value >>= 4);
	return end;
}

void line_put_integer(struct line *l, struct line_key key, int64_t value) {
	char text[NUMBER_BYTES], *end = text + sizeof(text), *p;

	p = decimal(end, value < 0 ? -(uint64_t)value : (uint64_t)value);
	if (value < 0)
		*--p = '-';
	line_put(l, key, p, (size_t)(end - p));
}

void line_put_address(struct line *l, struct line_key key, uint64_t value) {
	char text[NUMBER_BYTES], *end = text + sizeof(text), *p;

	*--end = '"';
	p = line_hexadecimal(end, value);
	*--p = 'x';
	*--p = '0';
	*--p = '"';
	line_put(l, key, p, (size_t)(end + 1 - p));
}

void line_members(struct line *l, const char *members, size_t n) {
	/* Those that were written first into a line of their own begin without a comma. */
	line_put(l, line_key(NULL), members + (n > 0 && members[0] == ','), n - (n > 0 && members[0] == ','));
}
