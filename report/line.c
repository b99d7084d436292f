/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report_parse_line(): a list of ten thousand reports needs a dozen short members of each. The text is walked once, the
 * wanted members are copied, and only that copy is parsed and checked. The walk knows just enough of JSON (RFC 8259) to
 * find where a value ends; what it takes for a value and is none, the parser refuses, or nobody gets to see.
 */
#include "report/json.h"
#include "report/report.h"
#include "report/shape.h"

#define PATH_BYTES 64
/* Of the copy: the wanted members are strings of limited length. */
#define VALUES_MAX 256
#define DEPTH_MAX 8

static const char *const wanted[] = {
	"schema",         "report_id",       "time",
	"process.pid",    "process.command", "process.user",
	"crash.signal",   "verdict.id",      "verdict.confidence",
	"verdict.summary", "fingerprint.id", "process.executable",
};

struct walk {
	const char *p, *end;
	char *out;
	size_t n; /* bytes of out; never more than were read */
};

static void skip_blanks(struct walk *w) {
	while (w->p < w->end && strchr(" \t\r\n", *w->p))
		w->p++;
}

/* Past a string; false: it has no end. A quote behind an odd number of backslashes is no end. */
static bool skip_string(struct walk *w) {
	const char *begin = w->p + 1;

	for (const char *from = begin; from < w->end;) {
		const char *quote = memchr(from, '"', (size_t)(w->end - from)), *p = quote;

		if (!quote)
			return false;
		while (p > begin && p[-1] == '\\')
			p--;
		if ((quote - p) % 2 == 0) {
			w->p = quote + 1;
			return true;
		}
		from = quote + 1;
	}
	return false;
}

/* Past any value: to the ',', '}' or ']' behind it. */
static bool skip_value(struct walk *w) {
	static const bool special[256] = {
		['"'] = true, [','] = true, ['{'] = true, ['}'] = true, ['['] = true, [']'] = true,
	};
	size_t depth = 0;

	while (w->p < w->end) {
		char c = *w->p;

		if (!special[(unsigned char)c]) {
			w->p++;
			continue;
		}
		if (c == '"') {
			if (!skip_string(w))
				return false;
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			return true;
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		w->p++;
	}
	return false;
}

static void put(struct walk *w, const char *s, size_t n) {
	memcpy(w->out + w->n, s, n);
	w->n += n;
}

/* 2: it is wanted; 1: something in it is; 0: nothing. */
static int want(const char *path, size_t n) {
	int found = 0;

	for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
		if (strncmp(wanted[i], path, n) == 0) {
			if (!wanted[i][n])
				return 2;
			if (wanted[i][n] == '.')
				found = 1;
		}
	return found;
}

static bool copy_object(struct walk *w, const char *path, size_t length);

/* "path.name" into buffer; its length, or 0 if it is longer than any that is wanted. */
static size_t join(char buffer[static PATH_BYTES], const char *path, size_t length, const char *name, size_t n) {
	size_t dot = length > 0 ? 1 : 0;

	if (n >= PATH_BYTES || length + dot + n >= PATH_BYTES)
		return 0;
	memcpy(buffer, path, length);
	memcpy(buffer + length, ".", dot);
	memcpy(buffer + length + dot, name, n);
	return length + dot + n;
}

/* One member, from its name's quote to the ',' or '}' behind it. */
static bool copy_member(struct walk *w, const char *path, size_t length, bool *first) {
	const char *key = w->p;
	char name[PATH_BYTES];
	size_t n, written;
	int wanting;

	if (w->p >= w->end || *w->p != '"' || !skip_string(w))
		return false;
	n = (size_t)(w->p - key);
	written = join(name, path, length, key + 1, n - 2);
	skip_blanks(w);
	if (w->p >= w->end || *w->p++ != ':')
		return false;
	skip_blanks(w);
	wanting = written > 0 ? want(name, written) : 0;
	if (wanting == 1 && (w->p >= w->end || *w->p != '{'))
		wanting = 0;
	if (wanting > 0) {
		put(w, ",", *first ? 0 : 1);
		put(w, key, n);
		put(w, ":", 1);
		*first = false;
	}
	if (wanting == 1)
		return copy_object(w, name, written);
	key = w->p;
	if (!skip_value(w))
		return false;
	if (wanting == 2)
		put(w, key, (size_t)(w->p - key));
	return true;
}

/* No deeper than the wanted paths are long. */
static bool copy_object(struct walk *w, const char *path, size_t length) {
	bool first = true;

	put(w, w->p++, 1);
	skip_blanks(w);
	if (w->p < w->end && *w->p == '}') {
		put(w, w->p++, 1);
		return true;
	}
	for (;;) {
		skip_blanks(w);
		if (!copy_member(w, path, length, &first))
			return false;
		skip_blanks(w);
		if (w->p >= w->end || (*w->p != ',' && *w->p != '}'))
			return false;
		if (*w->p++ == '}') {
			put(w, "}", 1);
			return true;
		}
	}
}

int report_parse_line(const char *json, size_t length, json_object **ret_report) {
	_cleanup_free_ char *copy = malloc(length + 1);
	struct walk w = { .p = json, .end = json + length, .out = copy };
	_cleanup_json_ json_object *report = NULL;
	const char *schema;
	int r;

	if (!copy)
		return -ENOMEM;
	skip_blanks(&w);
	if (w.p >= w.end || *w.p != '{' || !copy_object(&w, "", 0))
		return -EBADMSG;
	copy[w.n] = 0;
	r = json_parse(copy, w.n, DEPTH_MAX, VALUES_MAX, &report);
	if (r < 0)
		return r;
	schema = json_get_string(report, "schema");
	if (!schema || !streq(schema, "corewatch.report/1") || !shape_matches_some(&shape_report, report) ||
	    !json_get_string(report, "verdict.id"))
		return -EBADMSG;
	*ret_report = take_ptr(report);
	return 0;
}
