/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of types as type_info::name() has them (Itanium C++ ABI, "Mangling": <type>): classes, nested classes, the
 * standard ones by abbreviation, builtins, pointers and const. Templates keep their name and lose their arguments.
 * There is no library call for this that an analyzer may use; what is not understood stays mangled.
 */
#include <stdlib.h>
#include <string.h>

#include "cxx.h"

#define NAME_MAX_LENGTH 512
#define DEPTH_MAX 16

struct demangle {
	const char *at;
	char out[NAME_MAX_LENGTH];
	size_t n;
	bool failed;
};

static void put(struct demangle *d, const char *s, size_t n) {
	if (d->failed || d->n + n + 1 > sizeof(d->out)) {
		d->failed = true;
		return;
	}
	memcpy(d->out + d->n, s, n);
	d->n += n;
	d->out[d->n] = 0;
}

static void put_string(struct demangle *d, const char *s) {
	put(d, s, strlen(s));
}

/* I…E: skipped as a whole; lengths in it must be obeyed, lest an E of a name be taken for the end. */
static void skip_arguments(struct demangle *d) {
	size_t depth = 0;

	do {
		if (*d->at == 0) {
			d->failed = true;
			return;
		}
		if (*d->at >= '1' && *d->at <= '9') {
			char *end;
			unsigned long n = strtoul(d->at, &end, 10);

			if (n > strlen(end)) {
				d->failed = true;
				return;
			}
			d->at = end + n;
			continue;
		}
		if (*d->at == 'L' || *d->at == 'X') {
			d->failed = true; /* literals and expressions: digits in them are no lengths */
			return;
		}
		if (*d->at == 'I' || *d->at == 'N')
			depth++;
		if (*d->at == 'E')
			depth--;
		d->at++;
	} while (depth > 0);
	put_string(d, "<…>");
}

static void source_name(struct demangle *d) {
	char *end;
	unsigned long n = strtoul(d->at, &end, 10);

	if (n == 0 || n > strlen(end)) {
		d->failed = true;
		return;
	}
	if (n >= 10 && strncmp(end, "_GLOBAL__N", 10) == 0)
		put_string(d, "(anonymous namespace)");
	else
		put(d, end, n);
	d->at = end + n;
}

static bool abbreviation(struct demangle *d) {
	static const struct {
		const char *code, *name;
	} table[] = {
		{ "Ss", "std::string" },
		{ "Sa", "std::allocator" },
		{ "Sb", "std::basic_string" },
		{ "Si", "std::istream" },
		{ "So", "std::ostream" },
		{ "Sd", "std::iostream" },
		{ "i", "int" },
		{ "j", "unsigned int" },
		{ "l", "long" },
		{ "m", "unsigned long" },
		{ "x", "long long" },
		{ "y", "unsigned long long" },
		{ "c", "char" },
		{ "a", "signed char" },
		{ "h", "unsigned char" },
		{ "s", "short" },
		{ "t", "unsigned short" },
		{ "b", "bool" },
		{ "d", "double" },
		{ "f", "float" },
		{ "e", "long double" },
		{ "v", "void" },
		{ "w", "wchar_t" },
		{ "Dn", "std::nullptr_t" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strncmp(d->at, table[i].code, strlen(table[i].code)) == 0) {
			put_string(d, table[i].name);
			d->at += strlen(table[i].code);
			return true;
		}
	return false;
}

static void class_name(struct demangle *d) {
	bool nested = *d->at == 'N', first = true;

	if (nested)
		d->at++;
	if (strncmp(d->at, "St", 2) == 0) {
		put_string(d, "std::");
		d->at += 2;
	}
	while (!d->failed && *d->at >= '1' && *d->at <= '9') {
		if (!first)
			put_string(d, "::");
		source_name(d);
		if (*d->at == 'I')
			skip_arguments(d);
		first = false;
		if (!nested)
			return;
	}
	if (first || !nested || *d->at != 'E')
		d->failed = true;
	else
		d->at++;
}

static void type(struct demangle *d, unsigned depth) {
	if (depth > DEPTH_MAX) {
		d->failed = true;
	} else if (*d->at == 'P') {
		d->at++;
		type(d, depth + 1);
		put_string(d, "*");
	} else if (*d->at == 'K') {
		d->at++;
		put_string(d, "const ");
		type(d, depth + 1);
	} else if (*d->at == 'N' || (*d->at >= '1' && *d->at <= '9') || strncmp(d->at, "St", 2) == 0) {
		class_name(d);
	} else if (!abbreviation(d)) {
		d->failed = true;
	}
}

const char *cxx_type_name(const struct cw_core *core, const char *mangled) {
	static const char string[] = "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE";
	struct demangle d = { .at = mangled };

	if (strcmp(mangled, string) == 0)
		return "std::string";
	type(&d, 0);
	return d.failed || *d.at ? mangled : cw_format(core, "%s", d.out);
}
