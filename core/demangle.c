/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Demangling on top of libiberty, made fit for names that an attacker chose.
 *
 * A few hundred bytes of mangled name can stand for terabytes of text (substitutions repeat what came before), and both
 * demanglers recurse. So the text is taken piece by piece through their callbacks and the demangler is left with
 * longjmp() as soon as more was said than anyone will read. The callbacks' callers keep their state on the stack (the
 * Rust one leaks a small buffer when left inside a punycode identifier; a capped, once-per-name loss in a process that
 * lives for one core).
 *
 * Suffixes that compilers append to make clones of a function (".cold", ".part.0", ".llvm.8839") are dropped: they name
 * the same source function. So are ELF symbol versions.
 * Formats: Itanium C++ ABI §5.1; Rust RFC 2603 (v0); GCC and LLVM for the suffixes.
 */
#include "core/demangle.h"

#include <ctype.h>
#ifdef HAVE_LIBIBERTY_DEMANGLE_H
#include <libiberty/demangle.h>
#else
#include <demangle.h>
#endif
#include <setjmp.h>

#include "util/text.h"

#define MANGLED_MAX KIB(16)   /* the longest that real template-heavy libraries have are some 10 KiB */
#define PLAIN_MAX 1024u       /* contract of cw_location.function */
/* libiberty refuses C++ names over 1 KiB unless its recursion limit is lifted. Its parser then recurses at most once a
 * character, some 300 bytes each: 4 KiB of name need little more than 1 MiB of stack. */
#define LONG_CXX_MAX KIB(4)

struct collector {
	jmp_buf full;
	size_t used;
	char text[PLAIN_MAX + 64]; /* more than fits the result, so that its cut shows */
};

static void collect(const char *piece, size_t length, void *userdata) {
	struct collector *c = userdata;
	size_t room = sizeof(c->text) - c->used, n = MIN(length, room);

	memcpy(c->text + c->used, piece, n);
	c->used += n;
	if (n < length)
		longjmp(c->full, 1);
}

/* One demangler's turn; true also when it was stopped because more came than anyone reads. options < 0: Rust. */
static bool attempt(const char *mangled, int options, struct collector *c) {
	c->used = 0;
	if (setjmp(c->full) != 0)
		return true;
	if (options < 0)
		return rust_demangle_callback(mangled, DMGL_NO_OPTS, collect, c) && c->used > 0;
	return cplus_demangle_v3_callback(mangled, options, collect, c) && c->used > 0;
}

static bool demangle_into(const char *mangled, size_t length, struct collector *c) {
	bool is_cxx = str_has_prefix(mangled, "_Z");

	if (!is_cxx && !str_has_prefix(mangled, "_R"))
		return false;
	/* Legacy Rust looks like C++ (_ZN…17h<hash>E), so Rust comes first. */
	if (attempt(mangled, -1, c))
		return true;
	if (!is_cxx || length > LONG_CXX_MAX)
		return false;
	return attempt(mangled, DMGL_PARAMS | DMGL_ANSI | (length > 1000 ? DMGL_NO_RECURSE_LIMIT : 0), c);
}

/* The length of name without one clone suffix; its own length if it has none. */
static size_t without_clone_suffix(const char *name, size_t length) {
	static const struct {
		const char *word;
		bool numbered;
	} suffixes[] = {
		{ ".cold", false }, { ".cold", true }, { ".part", true }, { ".constprop", true },
		{ ".isra", true }, { ".lto_priv", true }, { ".llvm", true }, { ".clone", true },
		{ ".localalias", false }, { ".localalias", true },
	};
	size_t digits = 0;

	while (digits < length && isxdigit((unsigned char)name[length - 1 - digits]))
		digits++;
	for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
		size_t n = strlen(suffixes[i].word), end = length;

		if (suffixes[i].numbered) {
			if (digits == 0 || digits >= length || name[length - 1 - digits] != '.')
				continue;
			end = length - digits - 1;
		}
		if (end > n && memcmp(name + end - n, suffixes[i].word, n) == 0)
			return end - n;
	}
	return length;
}

/* "memcpy@@GLIBC_2.14" and "memcpy@GLIBC_2.2.5" are memcpy; "memcpy@plt" is something else. */
static size_t without_version(const char *name, size_t length) {
	const char *at = memchr(name, '@', length);

	if (!at || at == name || (size_t)(at - name) + 1 == length || streq(at, "@plt"))
		return length;
	return (size_t)(at - name);
}

static const char *clean(struct arena *arena, const char *text, size_t length) {
	char buffer[(PLAIN_MAX + 64) * 3 + 1];

	text_clean(text, MIN(length, (size_t)PLAIN_MAX + 64), buffer, sizeof(buffer));
	text_ellipsize(buffer, PLAIN_MAX);
	return arena_strdup(arena, buffer);
}

const char *demangle(struct arena *arena, const char *linkage_name) {
	_cleanup_free_ char *mangled = NULL;
	struct collector collector;
	size_t length = strnlen(linkage_name, MANGLED_MAX + 1), shorter;

	if (length > MANGLED_MAX)
		return clean(arena, linkage_name, length);
	length = without_version(linkage_name, length);
	while ((shorter = without_clone_suffix(linkage_name, length)) < length)
		length = shorter;
	mangled = strndup(linkage_name, length);
	if (!mangled)
		return NULL;
	if (demangle_into(mangled, length, &collector))
		return clean(arena, collector.text, collector.used);
	return clean(arena, mangled, length);
}
