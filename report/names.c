/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See names.h. Knows the demanglers' habits (libiberty's C++ and Rust, Go's own names), not the languages' grammars. */
#include "report/names.h"

/* Type arguments up to this length are kept: "<S>", "<int>", "<T, S>". */
#define ARGUMENTS_KEPT 8

/* The bracket that closes the one at s, or NULL. "->" and "operator>" are not brackets. */
static const char *closing(const char *s, char open, char close) {
	size_t depth = 0;

	for (const char *p = s; *p; p++) {
		if (*p == open)
			depth++;
		else if (*p == close && !(p > s && p[-1] == '-') && --depth == 0)
			return p;
	}
	return NULL;
}

static bool ends_with_operator(const char *s, size_t n) {
	static const char word[] = "operator";
	size_t m = sizeof(word) - 1;

	while (n > 0 && strchr("<>=-!()[]+*/%^&|~ ", s[n - 1]))
		n--;
	return n >= m && strncmp(s + n - m, word, m) == 0;
}

/* Where the name begins: behind the last blank that stands outside of all brackets, if what is before it is a type. */
static const char *skip_return_type(const char *s) {
	const char *begin = s;
	int depth = 0;

	for (const char *p = s; *p; p++) {
		if (*p == '(' && depth == 0 && p > begin)
			break;
		if (strchr("<([{", *p))
			depth++;
		else if (strchr(">)]}", *p) && !(p > s && p[-1] == '-'))
			depth--;
		else if (*p == ' ' && depth == 0 && !ends_with_operator(s, (size_t)(p - s)))
			begin = p + 1;
		if (depth < 0)
			return s;
	}
	return *begin ? begin : s;
}

static size_t put(char *to, const char *s, size_t n) {
	memcpy(to, s, n);
	return n;
}

char *name_for_people(const char *function) {
	/* Only C++ gives parameters, and with them return types of templates. */
	const char *s = strchr(function, '(') ? skip_return_type(function) : function, *p = s;
	char *name = malloc(strlen(s) * 3 + 1);
	size_t k = 0;

	if (!name)
		return NULL;
	while (*p) {
		const char *end = NULL;

		if (*p == '<' && p > s && !ends_with_operator(s, (size_t)(p - s)))
			end = closing(p, '<', '>');
		if (end && end - p > ARGUMENTS_KEPT) {
			k += put(name + k, "<…>", strlen("<…>"));
			p = end + 1;
			continue;
		}
		/* A parameter list that ends the name, or is followed by const. */
		if (*p == '(' && p > s && !str_has_prefix(p, "()::") && !ends_with_operator(s, (size_t)(p - s))) {
			end = closing(p, '(', ')');
			if (end && (!end[1] || str_has_prefix(end + 1, " const") || str_has_prefix(end + 1, " [clone")))
				break;
		}
		name[k++] = *p++;
	}
	name[k] = 0;
	return name;
}
