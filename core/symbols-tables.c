/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Go's own table, the symbol tables of a module, of its separate file and of .gnu_debugdata, in the order of what they know. */
#include "core/symbols-module-private.h"

#include "core/demangle.h"
#include "core/go-module.h"
#include "core/symtab.h"
#include "util/text.h"

#define LINKAGE_MAX_BYTES 1024u

/* The tables in the order of what they know. The last two complete each other: .gnu_debugdata leaves out what .dynsym
 * has. */
static size_t tables(const struct module_symbols *ms, Elf *ret_elfs[static 4], enum symtab_kind ret_kinds[static 4]) {
	const struct {
		Elf *elf;
		enum symtab_kind kind;
	} all[] = {
		{ ms->info->main, SYMTAB_FULL },
		{ ms->info->separate.elf, SYMTAB_FULL },
		{ ms->info->mini, SYMTAB_FULL },
		{ ms->info->main, SYMTAB_DYNAMIC },
	};
	size_t n = 0;

	for (size_t i = 0; i < ELEMENTSOF(all); i++) {
		if (!all[i].elf)
			continue;
		ret_elfs[n] = all[i].elf;
		ret_kinds[n++] = all[i].kind;
	}
	return n;
}

/* The linkage name as others write it: without a version. */
static const char *clean_linkage(struct arena *arena, const char *name) {
	char text[LINKAGE_MAX_BYTES];

	text_clean(name, strcspn(name, "@"), text, sizeof(text));
	return arena_strdup(arena, *text ? text : name);
}

static bool is_open(const struct draft *draft) {
	return !draft->answer.symbol.at.function || draft->wants_linkage;
}

static int use_symbol(struct arena *arena, const struct symtab_query *q, struct draft *draft) {
	if (draft->wants_linkage) {
		draft->wants_linkage = false;
		if (q->start != draft->answer.symbol.start || !str_has_prefix(q->name, "_Z"))
			return 0;
	}
	draft->answer.symbol.at.function = demangle(arena, q->name);
	draft->answer.symbol.linkage_name = clean_linkage(arena, q->name);
	if (!draft->answer.symbol.at.function || !draft->answer.symbol.linkage_name)
		return -ENOMEM;
	draft->answer.symbol.start = q->start;
	draft->answer.symbol.size = q->size;
	draft->answer.found = true;
	return 0;
}

/* Looks up in one table all that is still without a function. */
static int resolve_by_table(struct core *core, Elf *elf, enum symtab_kind which, const struct module_query *queries,
			    struct draft *drafts, size_t n) {
	_cleanup_free_ struct symtab_query *asked = calloc(n, sizeof(*asked));
	size_t n_asked = 0, k = 0;
	int r;

	if (!asked)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (is_open(&drafts[i]))
			asked[n_asked++].address = queries[i].address;
	symtab_resolve(elf, which, asked, n_asked);
	for (size_t i = 0; i < n; i++) {
		if (!is_open(&drafts[i]))
			continue;
		if (asked[k].name) {
			r = use_symbol(core->arena, &asked[k], &drafts[i]);
			if (r < 0)
				return r;
		}
		k++;
	}
	return 0;
}

/* Go's own table knows lines, too: before any symbol table. */
static int resolve_by_go(struct core *core, struct module *module, const struct module_query *queries, struct draft *drafts,
			 size_t n) {
	const struct go_module *go = NULL;

	for (size_t i = 0; i < n; i++) {
		int r;

		if (drafts[i].answer.symbol.at.function)
			continue;
		go = go_module_get(core, module);
		if (!go)
			return 0;
		r = go_module_symbol(go, core->arena, queries[i].address, &drafts[i].answer.symbol);
		if (r == -ENOMEM)
			return r;
		drafts[i].go = r == 0;
		drafts[i].answer.found |= r == 0;
	}
	return 0;
}

int module_tables_resolve(struct core *core, struct module *module, const struct module_symbols *ms,
			  const struct module_query *queries, struct draft *drafts, size_t n) {
	Elf *elfs[4];
	enum symtab_kind kinds[4];
	size_t n_tables = tables(ms, elfs, kinds);
	int r = resolve_by_go(core, module, queries, drafts, n);

	if (r < 0)
		return r;
	for (size_t t = 0; t < n_tables; t++) {
		bool missing = false;

		for (size_t i = 0; i < n && !missing; i++)
			missing = is_open(&drafts[i]);
		if (!missing)
			return 0;
		r = resolve_by_table(core, elfs[t], kinds[t], queries, drafts, n);
		if (r < 0)
			return r;
	}
	return 0;
}

int module_tables_find(struct core *core, struct module *module, const struct module_symbols *ms, const char *name,
		       uint64_t *ret_address) {
	Elf *elfs[4];
	enum symtab_kind kinds[4];
	size_t n = tables(ms, elfs, kinds);
	const struct go_module *go;

	for (size_t i = 0; i < n; i++)
		if (symtab_find(elfs[i], kinds[i], name, ret_address) == 0)
			return 0;
	/* Stripped of all tables but its own. */
	go = str_has_prefix(name, "runtime.") ? go_module_get(core, module) : NULL;
	return go ? go_module_find(go, name, ret_address) : -ENOENT;
}
