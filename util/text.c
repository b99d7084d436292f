/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See text.h. UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, at most U+10FFFF. */
#include "util/text.h"

#include <inttypes.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Length of the valid sequence at s (n ≥ 1 bytes left) and its code point; 0 if invalid. */
static size_t decode(const unsigned char *s, size_t n, uint32_t *ret_point) {
	static const struct { unsigned char mask, lead; uint32_t least; } forms[] = {
		{ 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 },
	};

	for (size_t k = 0; k < ELEMENTSOF(forms); k++) {
		uint32_t p;

		if ((s[0] & forms[k].mask) != forms[k].lead)
			continue;
		if (n < k + 1)
			return 0;
		p = s[0] & (unsigned char)~forms[k].mask;
		for (size_t i = 1; i <= k; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			p = p << 6 | (s[i] & 0x3fu);
		}
		if (p < forms[k].least || p > 0x10ffff || (p >= 0xd800 && p <= 0xdfff))
			return 0;
		*ret_point = p;
		return k + 1;
	}
	return 0;
}

/*
 * Characters that change how the rest of a line is shown, or that nobody sees, so that two names look like one. The
 * joiners U+200C and U+200D are not among them: scripts need them. Unicode 15, chapters 23.2, 23.3, 23.8 and 23.9.
 */
static bool is_unsafe(uint32_t p) {
	static const struct { uint32_t first, last; } ranges[] = {
		{ 0, 0x1f },            /* C0 */
		{ 0x7f, 0x9f },         /* DEL, C1 */
		{ 0xad, 0xad },         /* soft hyphen */
		{ 0x61c, 0x61c },       /* Arabic letter mark: as U+200E */
		{ 0x200b, 0x200b },     /* zero width space */
		{ 0x200e, 0x200f },     /* directional marks */
		{ 0x2028, 0x202e },     /* line separators, directional embeddings */
		{ 0x2060, 0x206f },     /* invisible operators, directional isolates */
		{ 0xfeff, 0xfeff },     /* zero width no-break space */
		{ 0xfff9, 0xfffb },     /* annotations */
		{ 0xe0000, 0xe007f },   /* tags: a hidden ASCII */
	};

	for (size_t i = 0; i < ELEMENTSOF(ranges) && p >= ranges[i].first; i++)
		if (p <= ranges[i].last)
			return true;
	return false;
}

size_t text_clean(const char *s, size_t length, char *buffer, size_t size) {
	size_t out = 0, i = 0;

	if (size == 0)
		return 0;
	while (i < length) {
		uint32_t point = 0;
		size_t n = decode((const unsigned char *)s + i, length - i, &point);
		const char *from = s + i;
		size_t bytes = n;

		if (n == 0) {
			from = REPLACEMENT;
			bytes = 3;
		} else if (is_unsafe(point)) {
			from = "?";
			bytes = 1;
		}
		if (out + bytes >= size)
			break;
		memcpy(buffer + out, from, bytes);
		out += bytes;
		i += MAX(n, (size_t)1);
	}
	buffer[out] = 0;
	return out;
}

char *text_clean_dup(const char *s, size_t length) {
	char *p;

	if (length > SIZE_MAX / 3 - 1)
		return NULL;
	p = malloc(length * 3 + 1);
	if (p)
		text_clean(s, length, p, length * 3 + 1);
	return p;
}

const char *text_group(uint64_t value, char *buffer, size_t size) {
	char digits[24], out[32];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value), k = 0;

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			out[k++] = ' ';
		out[k++] = digits[i];
	}
	out[k] = 0;
	snprintf(buffer, size, "%s", out);
	return buffer;
}

const char *text_bytes(uint64_t value, char *buffer, size_t size) {
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	size_t u = 0;
	double v = (double)value;

	/* Rounded to a tenth first, so that nothing is ever "1024.0 KiB". */
	while (v >= 1023.95 && u + 1 < ELEMENTSOF(units)) {
		v /= 1024;
		u++;
	}
	v = (double)(uint64_t)(v * 10 + 0.5) / 10;
	if (u == 0 || v - (double)(uint64_t)v < 0.05)
		snprintf(buffer, size, "%" PRIu64 " %s", u == 0 ? value : (uint64_t)(v + 0.05), value == 1 ? "byte" : units[u]);
	else
		snprintf(buffer, size, "%.1f %s", v, units[u]);
	return buffer;
}

void text_ellipsize(char *s, size_t max) {
	size_t n = strlen(s);

	if (n <= max || max < 4)
		return;
	n = max - 3;
	while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	memcpy(s + n, "…", sizeof("…"));
}
