/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-symbol.h. Lines are looked up in libdw's decoded table of the unit, which it keeps. */
#include "core/dwarf-symbol.h"

#include <dwarf.h>

#include "core/dwarf-names.h"
#include "util/text.h"

/* Real chains reach some 30 (Rust iterators). */
#define INLINES_MAX 128u
#define PATH_MAX_BYTES 4096u

/* libdw joins only what lies in the compilation folder itself; the rest is made absolute here, so that all paths of a
 * unit read alike. */
static const char *make_path(struct arena *arena, const char *directory, const char *path) {
	char text[PATH_MAX_BYTES], joined[PATH_MAX_BYTES];

	/* Reproducible builds have a relative folder ("./stdlib"), already part of some paths: it would only be said
	 * twice. */
	if (path[0] != '/' && directory && directory[0] == '/') {
		while (str_has_prefix(path, "./"))
			path += 2;
		if (snprintf(joined, sizeof(joined), "%s/%s", directory, path) < (int)sizeof(joined))
			path = joined;
	}
	text_clean(path, strnlen(path, PATH_MAX_BYTES), text, sizeof(text));
	return arena_strdup(arena, text);
}

static const char *directory_of(const struct unit *u) {
	Dwarf_Die die = u->die;
	Dwarf_Attribute attribute;

	return dwarf_attr(&die, DW_AT_comp_dir, &attribute) ? dwarf_formstring(&attribute) : NULL;
}

static int clean_path(struct arena *arena, struct unit *u, const char *path, const char **ret_path) {
	struct known *known;

	*ret_path = NULL;
	if (!path || !*path)
		return 0;
	known = unit_known(u, path);
	if (!known)
		return -ENOMEM;
	if (!known->from) {
		known->from = path;
		known->text = make_path(arena, directory_of(u), path);
		if (!known->text)
			return -ENOMEM;
	}
	*ret_path = known->text;
	return 0;
}

/* Line and column numbers that no int holds are damage. */
static uint32_t sane(int64_t n) {
	return n > 0 && n <= INT32_MAX ? (uint32_t)n : 0;
}

static int find_line(struct arena *arena, struct unit *u, uint64_t address, struct cw_location *ret_at) {
	Dwarf_Die die = u->die;
	Dwarf_Line *line = dwarf_getsrc_die(&die, address);
	int number = 0, column = 0;

	if (!line || dwarf_lineno(line, &number) < 0 || dwarf_linecol(line, &column) < 0)
		return 0;
	ret_at->line = sane(number);
	ret_at->column = ret_at->line > 0 ? sane(column) : 0;
	return clean_path(arena, u, dwarf_linesrc(line, NULL, NULL), &ret_at->file);
}

static uint64_t number_of(Dwarf_Die *die, unsigned name) {
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	return dwarf_attr(die, name, &attribute) && dwarf_formudata(&attribute, &value) == 0 ? value : 0;
}

/* The names of a unit's files. A unit out of a package does not say which table is its own: it is the only one there. */
static bool find_files(struct unit *u, Dwarf_Files **ret_files, size_t *ret_n) {
	Dwarf_Die full = u->full, die = u->die;
	Dwarf_Lines *lines;
	Dwarf_Off next;
	Dwarf_CU *cu;
	size_t n_lines;

	if (dwarf_getsrcfiles(&full, ret_files, ret_n) == 0)
		return true;
	if (u->packaged && dwarf_next_lines(dwarf_cu_getdwarf(full.cu), 0, &next, &cu, ret_files, ret_n, &lines, &n_lines) == 0)
		return true;
	return dwarf_getsrcfiles(&die, ret_files, ret_n) == 0;
}

/* Where an inlined function was called, if it says so; 0 was no file before DWARF 5. */
static int find_call(struct arena *arena, struct unit *u, Dwarf_Die *inlined, struct cw_location *ret_at) {
	uint64_t file = number_of(inlined, DW_AT_call_file);
	Dwarf_Files *files;
	Dwarf_Half version;
	size_t n;

	ret_at->line = sane((int64_t)number_of(inlined, DW_AT_call_line));
	ret_at->column = sane((int64_t)number_of(inlined, DW_AT_call_column));
	if (!dwarf_hasattr(inlined, DW_AT_call_file) ||
	    (file == 0 && dwarf_cu_info(u->die.cu, &version, NULL, NULL, NULL, NULL, NULL, NULL) == 0 && version < 5))
		return 0;
	if (!find_files(u, &files, &n))
		return 0;
	return file < n ? clean_path(arena, u, dwarf_filesrc(files, file, NULL, NULL), &ret_at->file) : 0;
}

/* Each function's line is the call site of the one inlined into it; the innermost has the address's own. */
static int find_inlined(struct arena *arena, const struct place *place, uint64_t address, struct cw_symbol *symbol) {
	Dwarf_Die dies[INLINES_MAX];
	size_t n = unit_inlines(place, address, dies, INLINES_MAX);
	struct cw_location *chain;
	const char *linkage;
	int r;

	if (n == 0)
		return 0;
	chain = arena_alloc_array(arena, n, sizeof(*chain));
	if (!chain)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct cw_location *callee = &chain[n - 1 - i], *caller = i == 0 ? &symbol->at : &chain[n - i];

		r = unit_function_name(arena, place->unit, &dies[i], &callee->function, &linkage);
		if (r < 0)
			return r;
		callee->file = caller->file;
		callee->line = caller->line;
		callee->column = caller->column;
		caller->file = NULL;
		r = find_call(arena, place->unit, &dies[i], caller);
		if (r < 0)
			return r;
	}
	symbol->inlined = chain;
	symbol->n_inlined = n;
	return 0;
}

/* File and line of code whose unit was left out; its function's name is the symbol table's to tell. */
static int find_far_line(struct arena *arena, const struct units *units, uint64_t address, struct cw_symbol *ret_symbol) {
	struct cw_symbol symbol = { 0 };
	const char *directory, *path;
	Dwarf_Line *line;
	int number = 0;

	if (!units->far || far_codes_line(units->far, units->dwarf, address, &line, &directory) < 0 || dwarf_lineno(line, &number) < 0)
		return -ENOENT;
	path = dwarf_linesrc(line, NULL, NULL);
	symbol.at.line = sane(number);
	symbol.at.file = path ? make_path(arena, directory, path) : NULL;
	if (path && !symbol.at.file)
		return -ENOMEM;
	*ret_symbol = symbol;
	return 0;
}

int dwarf_symbol(struct arena *arena, struct units *units, uint64_t address, struct cw_symbol *ret_symbol,
		 const struct unit **ret_unit) {
	struct cw_symbol symbol = { 0 };
	struct place place;
	int r;

	r = units_find(units, address, &place);
	if (r == -ENOENT && find_far_line(arena, units, address, ret_symbol) == 0) {
		*ret_unit = NULL;
		return 0;
	}
	if (r < 0)
		return r;
	r = find_line(arena, place.unit, address, &symbol.at);
	if (r < 0)
		return r;
	if (place.function.addr) {
		r = unit_function_name(arena, place.unit, &place.function, &symbol.at.function, &symbol.linkage_name);
		if (r < 0)
			return r;
		symbol.start = place.low;
		symbol.size = place.high - place.low;
		r = find_inlined(arena, &place, address, &symbol);
		if (r < 0)
			return r;
	}
	*ret_symbol = symbol;
	*ret_unit = place.unit;
	return 0;
}
