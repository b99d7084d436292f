/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-names.h. Format: DWARF 5 §2.15, §3.3.8 (abstract and concrete instances), §7.12 (languages). */
#include "core/dwarf-names.h"

#include <dwarf.h>

#include "core/demangle.h"
#include "util/text.h"

/* Concrete → abstract instance → declaration is three; a cycle made on purpose has no end. */
#define CHAIN_MAX 16u
#define NAME_MAX_BYTES 1024u
#define SCOPES_SHOWN_MAX 32u

static const char *string_of(Dwarf_Die *die, unsigned name) {
	Dwarf_Attribute attribute;

	return dwarf_attr(die, name, &attribute) ? dwarf_formstring(&attribute) : NULL;
}

static bool follow(Dwarf_Die *die, unsigned name) {
	Dwarf_Attribute attribute;
	Dwarf_Die to;

	if (!dwarf_attr(die, name, &attribute) || !dwarf_formref_die(&attribute, &to))
		return false;
	*die = to;
	return true;
}

/* The innermost scope around an entry of this unit; UINT32_MAX: none. */
static uint32_t find_scope(const struct unit *u, const void *entry) {
	size_t low = 0, high = u->n_scopes;
	uint32_t at;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (u->scopes[middle].entry < entry)
			low = middle + 1;
		else
			high = middle;
	}
	at = low > 0 ? (uint32_t)low - 1 : UINT32_MAX;
	while (at != UINT32_MAX && u->scopes[at].end <= entry)
		at = u->scopes[at].outer;
	return at;
}

static bool is_mangled(const char *name) {
	return str_has_prefix(name, "_Z") || str_has_prefix(name, "_R");
}

/* What an entry and those it stands for say, the nearest first; *die becomes the last of them, the declaration. */
static void raw_names(Dwarf_Die *die, const char **ret_name, const char **ret_linkage) {
	const char *name = NULL, *linkage = NULL;

	for (unsigned i = 0; i < CHAIN_MAX; i++) {
		if (!linkage && !(linkage = string_of(die, DW_AT_linkage_name)))
			linkage = string_of(die, DW_AT_MIPS_linkage_name);
		if (!name)
			name = string_of(die, DW_AT_name);
		if (!follow(die, DW_AT_abstract_origin) && !follow(die, DW_AT_specification))
			break;
	}
	*ret_linkage = linkage && *linkage ? linkage : NULL;
	*ret_name = name && *name ? name : NULL;
}

/* One part of a qualified name, or NULL: says nothing. within: what the part before the next "::" was asked for. */
static const char *scope_name(const struct unit *u, const struct scope *scope, bool has_inner, const char *within) {
	Dwarf_Die die = { .addr = (void *)(uintptr_t)scope->entry, .cu = u->full.cu };
	unsigned tag = (unsigned)dwarf_tag(&die);
	const char *name, *linkage;

	/* A function tells where a type in it belongs; C's nested functions are known by their own name. */
	if (tag == DW_TAG_subprogram && !has_inner)
		return NULL;
	raw_names(&die, &name, &linkage);
	if (name)
		return name;
	if (tag == DW_TAG_namespace)
		return "(anonymous namespace)";
	return tag != DW_TAG_subprogram && streq(within, "operator()") ? "{lambda}" : NULL;
}

/* "outer::inner::name" of the declaration at `die`, which may be in another unit. */
static const char *qualified(struct arena *arena, struct unit *user, const Dwarf_Die *die, const char *name) {
	char text[NAME_MAX_BYTES * 2 + 8], cleaned[(NAME_MAX_BYTES * 2 + 8) * 3];
	const char *parts[SCOPES_SHOWN_MAX];
	const struct unit *u = unit_of(user, die);
	size_t n = 0, used = 0;

	if (u)
		for (uint32_t at = find_scope(u, die->addr); at != UINT32_MAX && n < SCOPES_SHOWN_MAX;
		     at = u->scopes[at].outer)
			if ((parts[n] = scope_name(u, &u->scopes[at], n > 0, n > 0 ? parts[n - 1] : name)))
				n++;
	text[0] = 0;
	while (n > 0 && used < NAME_MAX_BYTES) {
		n--;
		used += (size_t)snprintf(text + used, NAME_MAX_BYTES - used, "%s::", parts[n]);
	}
	used = MIN(used, (size_t)NAME_MAX_BYTES - 1);
	snprintf(text + used, sizeof(text) - used, "%.*s", (int)NAME_MAX_BYTES + 1, name);
	text_clean(text, strlen(text), cleaned, sizeof(cleaned));
	text_ellipsize(cleaned, NAME_MAX_BYTES);
	return arena_strdup(arena, cleaned);
}

static const char *clean_linkage(struct arena *arena, const char *linkage) {
	char cleaned[NAME_MAX_BYTES * 4];

	text_clean(linkage, strnlen(linkage, NAME_MAX_BYTES * 2), cleaned, sizeof(cleaned));
	return arena_strdup(arena, cleaned);
}

static int make_name(struct arena *arena, struct unit *u, Dwarf_Die die, const char **ret_function,
		     const char **ret_linkage) {
	const char *name, *linkage, *shown = NULL, *link = NULL;

	raw_names(&die, &name, &linkage);
	/* Only mangled names say more than the name itself; others (assembler labels such as __GI_abort) say less. */
	if (linkage && (!name || is_mangled(linkage)))
		shown = demangle(arena, linkage);
	else if (name)
		shown = qualified(arena, u, &die, name);
	/* A function of C is linked by its name. */
	if (linkage || name)
		link = clean_linkage(arena, linkage ? linkage : name);
	if ((linkage || name) && (!shown || !link))
		return -ENOMEM;
	*ret_function = shown;
	*ret_linkage = link;
	return 0;
}

int unit_function_name(struct arena *arena, struct unit *u, Dwarf_Die *function, const char **ret_function,
		       const char **ret_linkage) {
	Dwarf_Die die = *function;
	struct known *known;
	int r;

	/* All inlined copies of a function have one origin. */
	if (dwarf_tag(&die) == DW_TAG_inlined_subroutine)
		follow(&die, DW_AT_abstract_origin);
	known = unit_known(u, die.addr);
	if (!known)
		return -ENOMEM;
	if (!known->from) {
		known->from = die.addr;
		r = make_name(arena, u, die, &known->text, &known->linkage);
		if (r < 0)
			return r;
	}
	*ret_function = known->text;
	*ret_linkage = known->linkage;
	return 0;
}

const char *unit_language(const struct unit *u) {
	static const struct {
		int code;
		const char *name;
	} languages[] = {
		{ DW_LANG_C89, "C" },
		{ DW_LANG_C, "C" },
		{ DW_LANG_C99, "C" },
		{ DW_LANG_C11, "C" },
		{ 0x3e /* C23 */, "C" },
		{ 0x2c /* C17 */, "C" },
		{ DW_LANG_C_plus_plus, "C++" },
		{ DW_LANG_C_plus_plus_03, "C++" },
		{ DW_LANG_C_plus_plus_11, "C++" },
		{ DW_LANG_C_plus_plus_14, "C++" },
		{ 0x2b /* C++17 */, "C++" },
		{ 0x2e /* C++20 */, "C++" },
		{ 0x3a /* C++23 */, "C++" },
		{ DW_LANG_Rust, "Rust" },
		{ DW_LANG_Go, "Go" },
		{ DW_LANG_D, "D" },
		{ DW_LANG_Swift, "Swift" },
		{ DW_LANG_Julia, "Julia" },
		{ DW_LANG_ObjC, "Objective-C" },
		{ DW_LANG_ObjC_plus_plus, "Objective-C++" },
		{ DW_LANG_Haskell, "Haskell" },
		{ DW_LANG_OCaml, "OCaml" },
		{ DW_LANG_Fortran77, "Fortran" },
		{ DW_LANG_Fortran90, "Fortran" },
		{ DW_LANG_Fortran95, "Fortran" },
		{ DW_LANG_Fortran03, "Fortran" },
		{ DW_LANG_Fortran08, "Fortran" },
		{ DW_LANG_Ada83, "Ada" },
		{ DW_LANG_Ada95, "Ada" },
		{ DW_LANG_Pascal83, "Pascal" },
		{ DW_LANG_Modula2, "Modula-2" },
		{ DW_LANG_Cobol74, "COBOL" },
		{ DW_LANG_Cobol85, "COBOL" },
		{ DW_LANG_Java, "Java" },
		{ DW_LANG_Python, "Python" },
		{ DW_LANG_OpenCL, "OpenCL" },
		{ 0x26, "Kotlin" },
		{ 0x27, "Zig" },
		{ 0x28, "Crystal" },
		{ DW_LANG_Mips_Assembler, "Assembler" },
	};
	Dwarf_Die die = u->full, skeleton = u->die;
	int code = dwarf_srclang(&die);

	if (code < 0)
		code = dwarf_srclang(&skeleton);
	for (size_t i = 0; i < ELEMENTSOF(languages); i++)
		if (languages[i].code == code)
			return languages[i].name;
	return NULL;
}

/* The last -O option of a GCC command line, as GCC's producer string quotes it. */
static int gcc_optimized(const char *producer) {
	const char *last = NULL;

	for (const char *p = producer; (p = strstr(p, " -O")); p += 3)
		last = p + 3;
	if (last)
		return *last != '0';
	/* No -O at all means -O0, if options are recorded at all (they begin with -m on all machines that we know). */
	return strstr(producer, " -m") ? 0 : -1;
}

int unit_optimized(const struct unit *u) {
	Dwarf_Die die = u->full;
	const char *producer = string_of(&die, DW_AT_producer);
	const struct scan_evidence *e = &u->evidence;

	if (producer && str_has_prefix(producer, "GNU "))
		return gcc_optimized(producer);
	if (producer && str_has_prefix(producer, "Go "))
		return !strstr(producer, "-N");
	/*
	 * LLVM records no options. Its optimiser describes call sites and moves parameters into registers, unoptimised
	 * code keeps them in memory. Neither does so without exception: measured with rustc 1.95 and clang 14, 10 of 11
	 * and more on the stack at -O0, 1 of 4 and less at -O1 and up.
	 */
	if (e->call_sites || (e->moving_parameters > 4 && e->moving_parameters / 2 > e->stack_parameters))
		return 1;
	return e->stack_parameters > 2 && e->stack_parameters / 4 >= e->moving_parameters ? 0 : -1;
}
