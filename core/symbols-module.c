/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See symbols-module.h. DWARF first; the symbol tables are searched once for all addresses of which DWARF knows no
 * function. */
#include "core/symbols-module-private.h"

#include <dwarf.h>
#include <limits.h>

#include "core/dwarf-names.h"
#include "core/dwarf-symbol.h"
#include "core/symtab.h"

/* Only what the build-id of both sides names is kept. */
static int open_cache(struct core *core, const struct module *module, struct module_symbols *ms) {
	const struct cache cache = { .fd = core->options.cache_fd, .max = core->options.cache_max };
	const int files[] = { module->fd, ms->info->separate.fd };

	if (cache.fd < 0 || cache.max == 0 || module->info->state != CW_MODULE_PRESENT || !module->info->build_id)
		return 0;
	ms->info->cache = cache;
	return symbols_cache_open(&cache, module->info->build_id, files, ELEMENTSOF(files), &ms->cache);
}

static int open_files(struct core *core, struct module *module, struct module_symbols **ret_symbols) {
	struct module_symbols *ms = module->symbols;
	int r;

	if (!ms) {
		ms = calloc(1, sizeof(*ms));
		if (!ms)
			return -ENOMEM;
		r = debuginfo_open(module, &core->options, &ms->info);
		if (r < 0) {
			free(ms);
			return r;
		}
		module->symbols = ms;
		r = open_cache(core, module, ms);
		if (r < 0)
			return r;
	}
	*ret_symbols = ms;
	return 0;
}

/* What there is, for the report. */
static enum cw_debuginfo kind(const struct module_symbols *ms) {
	if (ms->units)
		return CW_DEBUGINFO_DWARF;
	if (symtab_present(ms->info->main, SYMTAB_FULL) ||
	    (ms->info->separate.elf && symtab_present(ms->info->separate.elf, SYMTAB_FULL)))
		return CW_DEBUGINFO_SYMTAB;
	return ms->info->mini ? CW_DEBUGINFO_MINIDEBUG : CW_DEBUGINFO_NONE;
}

static int list_units(struct module *module, struct module_symbols *ms) {
	char directory[PATH_MAX];
	int r;

	if (!ms->info->dwarf.dwarf)
		return 0;
	r = units_new(ms->info->dwarf.dwarf, module->elf, debuginfo_directory(ms->info, directory), &ms->units);
	if (r >= 0)
		ms->units->far = &ms->info->dwarf.far;
	return r == -ENODATA ? 0 : r;
}

/* Which part of a large file to load: what the first crash of a build asks for. Of a build that crashes again
 * everything is loaded, and kept. */
static int load_debuginfo(struct module_symbols *ms, const struct module_query *queries, size_t n) {
	_cleanup_free_ uint64_t *addresses = NULL;
	enum cw_debuginfo known;

	if (n == 0 || ms->loaded || (ms->cache && symbols_cache_known(ms->cache, &known)))
		return debuginfo_load(ms->info, NULL, 0);
	addresses = calloc(n, sizeof(*addresses));
	if (!addresses)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		addresses[i] = queries[i].address;
	return debuginfo_load(ms->info, addresses, n);
}

/* Split units: libdw finds .dwo files only with the file itself. */
static int load_split(struct module *module, struct module_symbols *ms) {
	int r;

	if (!ms->units || !ms->units->split || !ms->info->dwarf.image_elf)
		return 0;
	units_free(take_ptr(ms->units));
	r = debuginfo_load_whole(ms->info);
	return r < 0 ? r : list_units(module, ms);
}

static int load(struct core *core, struct module *module, struct module_symbols *ms,
		const struct module_query *queries, size_t n) {
	int r;

	if (ms->loaded && !ms->info->dwarf.partial)
		return 0;
	/* What was loaded in part is for the addresses of then. */
	units_free(take_ptr(ms->units));
	r = load_debuginfo(ms, queries, n);
	ms->loaded = true;
	if (r >= 0)
		r = list_units(module, ms);
	if (r >= 0)
		r = load_split(module, ms);
	if (r < 0)
		return r;
	if (ms->units && ms->units->split) {
		debuginfo_open_package(ms->info);
		ms->units->package = ms->info->package;
	}
	if (!ms->units && !symtab_present(ms->info->main, SYMTAB_FULL) && !ms->info->separate.elf)
		debuginfo_open_mini(ms->info);
	if (ms->info->problem)
		core_problem(core, "symbols", "%s: %s", module->info->path ? module->info->path : "a module",
			     ms->info->problem);
	module->info->debuginfo = kind(ms);
	return 0;
}

int module_symbols_units(struct core *core, struct module *module, uint64_t address, struct units **ret_units) {
	struct module_query query = { .address = address };
	struct module_symbols *ms;
	int r;

	if (!module->elf)
		return -ENOENT;
	r = open_files(core, module, &ms);
	/* What is loaded in part holds the units of all frames. */
	if (r >= 0 && !ms->units)
		r = load(core, module, ms, &query, 1);
	if (r < 0)
		return r;
	if (!ms->units)
		return -ENOENT;
	*ret_units = ms->units;
	return 0;
}

void module_symbols_free(struct module *module) {
	struct module_symbols *ms = module->symbols;

	if (!ms)
		return;
	units_free(ms->units);
	symbols_cache_free(ms->cache);
	debuginfo_close(ms->info);
	free(ms);
	module->symbols = NULL;
}

bool module_symbols_has_debuginfo(const struct module *module) {
	const struct module_symbols *ms = module->symbols;

	/* A separate file without DWARF is all that there is of it. */
	return !ms || module->info->debuginfo == CW_DEBUGINFO_DWARF || ms->info->separate.elf;
}

const char *module_symbols_missing_alt(const struct module *module) {
	const struct module_symbols *ms = module->symbols;

	return ms && ms->info->missing_alt[0] ? ms->info->missing_alt : NULL;
}

int module_symbols_find(struct core *core, struct module *module, const char *name, uint64_t *ret_address) {
	struct module_symbols *ms;
	uint64_t address = 0;
	const char *kept;
	int r;

	r = open_files(core, module, &ms);
	if (r < 0)
		return r;
	r = ms->cache ? symbols_cache_find(ms->cache, name, ret_address) : -ENOENT;
	if (r != -ENOENT)
		return r == -ENODATA ? -ENOENT : r;
	r = module_tables_find(core, module, ms, name, &address);
	kept = ms->cache ? arena_strdup(core->arena, name) : NULL;
	if (kept)
		symbols_cache_put_name(ms->cache, kept, r == 0, address);
	if (r == 0)
		*ret_address = address;
	return r;
}

/* ── what the frames tell about the module ────────────────────────────────────────────────────────────────── */

/* Rust's own library comes built, and optimised, with the compiler: it says nothing about the program's build. */
static bool is_runtime(const struct unit *unit) {
	Dwarf_Die die = unit->full;
	Dwarf_Attribute attribute;
	const char *directory = dwarf_attr(&die, DW_AT_comp_dir, &attribute) ? dwarf_formstring(&attribute) : NULL;

	return directory && str_has_prefix(directory, "/rustc/");
}

static const char *language_of_name(const char *linkage) {
	size_t n = linkage ? strlen(linkage) : 0;

	/* _ZN…17h<16 hex digits>E is Rust's old mangling. */
	if (n > 2 && (str_has_prefix(linkage, "_R") ||
		      (n > 22 && linkage[n - 1] == 'E' && strncmp(linkage + n - 20, "17h", 3) == 0)))
		return "Rust";
	return n > 2 && str_has_prefix(linkage, "_Z") ? "C++" : NULL;
}

static void judge(struct draft *draft) {
	struct symbol_answer *a = &draft->answer;

	a->optimized = -1;
	a->language = draft->unit ? unit_language(draft->unit) : NULL;
	if (a->language && !streq(a->language, "Assembler")) {
		a->evidence = is_runtime(draft->unit) ? EVIDENCE_RUNTIME : EVIDENCE_PROGRAM;
		if (a->evidence == EVIDENCE_PROGRAM)
			a->optimized = unit_optimized(draft->unit);
		return;
	}
	a->language = draft->unit ? NULL : draft->go ? "Go" : language_of_name(a->symbol.linkage_name);
	a->evidence = a->language ? EVIDENCE_NAME : EVIDENCE_NONE;
}

/* The earliest frame that tells most decides. */
static void describe_module(struct module *module, struct module_symbols *ms, const struct module_query *queries,
			    const struct draft *drafts, size_t n) {
	size_t earliest = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		const struct symbol_answer *a = &drafts[i].answer;

		if (a->evidence == EVIDENCE_NONE || a->evidence < ms->evidence ||
		    (a->evidence == ms->evidence && queries[i].order >= earliest))
			continue;
		if (a->evidence == ms->evidence && earliest == SIZE_MAX)
			continue; /* an earlier batch has decided */
		ms->evidence = a->evidence;
		earliest = queries[i].order;
		module->info->language = a->language;
		module->info->optimized = a->optimized;
	}
}

/* ── a batch ──────────────────────────────────────────────────────────────────────────────────────────────── */

static int publish(struct core *core, const struct module *module, struct draft *draft,
		   const struct cw_symbol **ret_symbol) {
	struct cw_symbol *s;

	if (!draft->answer.found)
		return 0;
	s = arena_memdup(core->arena, &draft->answer.symbol, sizeof(*s));
	if (!s)
		return -ENOMEM;
	if (s->size > 0)
		s->start += module->info->bias;
	else
		s->start = 0;
	*ret_symbol = s;
	return 0;
}

/* GCC leaves out the linkage name of what no other file can call (lambdas, members of local classes), and with it the
 * parameters. */
static bool wants_linkage(const struct draft *draft) {
	const char *linkage = draft->answer.symbol.linkage_name, *language = draft->unit ? unit_language(draft->unit) : NULL;

	return linkage && language && streq(language, "C++") && !str_has_prefix(linkage, "_Z") &&
	       !streq(linkage, "main");
}

static int resolve_by_dwarf(struct core *core, struct module_symbols *ms, const struct module_query *queries,
			    struct draft *drafts, size_t n) {
	int r;

	for (size_t i = 0; ms->units && i < n; i++) {
		r = dwarf_symbol(core->arena, ms->units, queries[i].address, &drafts[i].answer.symbol, &drafts[i].unit);
		if (r == -ENOMEM)
			return r;
		drafts[i].answer.found = r == 0 && (drafts[i].answer.symbol.at.function || drafts[i].answer.symbol.at.file);
		drafts[i].wants_linkage = drafts[i].answer.found && wants_linkage(&drafts[i]);
	}
	return 0;
}

/* Looks up what no cache knew. */
static int resolve_fresh(struct core *core, struct module *module, struct module_symbols *ms,
			 const struct module_query *queries, struct draft *drafts, size_t n) {
	int r = load(core, module, ms, queries, n);

	if (r >= 0)
		r = resolve_by_dwarf(core, ms, queries, drafts, n);
	if (r >= 0)
		r = module_tables_resolve(core, module, ms, queries, drafts, n);
	if (r < 0)
		return r;
	if (ms->units && ms->units->cut && !ms->reported_cut) {
		ms->reported_cut = true;
		core_problem(core, "symbols",
			     "%s: its debug info is damaged or too large, some functions may be missing",
			     module->info->path ? module->info->path : "a module");
	}
	for (size_t i = 0; i < n; i++)
		judge(&drafts[i]);
	/* What is incomplete, or depends on files that the key does not name (.dwo), is better next time. */
	if (!ms->cache || ms->info->problem || (ms->units && (ms->units->cut || ms->units->split)))
		return 0;
	for (size_t i = 0; i < n; i++)
		symbols_cache_put(ms->cache, queries[i].address, &drafts[i].answer);
	return 0;
}

/* Drafts of what the cache knows; the rest is moved together to the front of missing. */
static int resolve_by_cache(struct core *core, const struct module_symbols *ms, const struct module_query *queries,
			    struct draft *drafts, size_t n, struct module_query *missing, size_t *ret_n_missing) {
	size_t n_missing = 0;

	for (size_t i = 0; i < n; i++) {
		int r = ms->cache ? symbols_cache_get(ms->cache, core->arena, queries[i].address, &drafts[i].answer) : -ENOENT;

		if (r == -ENOENT)
			missing[n_missing++] = queries[i];
		else if (r < 0)
			return r;
		drafts[i].answer.known = r == 0;
	}
	*ret_n_missing = n_missing;
	return 0;
}

static int resolve_missing(struct core *core, struct module *module, struct module_symbols *ms,
			   const struct module_query *missing, size_t n_missing, struct draft *drafts, size_t n) {
	_cleanup_free_ struct draft *fresh = calloc(MAX(n_missing, (size_t)1), sizeof(*fresh));
	int r;

	if (!fresh)
		return -ENOMEM;
	r = resolve_fresh(core, module, ms, missing, fresh, n_missing);
	if (r < 0)
		return r;
	for (size_t i = 0, k = 0; i < n; i++)
		if (!drafts[i].answer.known)
			drafts[i] = fresh[k++];
	return 0;
}

int module_symbols_resolve(struct core *core, struct module *module, struct module_query *queries, size_t n) {
	_cleanup_free_ struct draft *drafts = calloc(MAX(n, (size_t)1), sizeof(*drafts));
	_cleanup_free_ struct module_query *missing = calloc(MAX(n, (size_t)1), sizeof(*missing));
	struct module_symbols *ms;
	size_t n_missing = 0;
	int r;

	if (!drafts || !missing)
		return -ENOMEM;
	r = open_files(core, module, &ms);
	if (r >= 0)
		r = resolve_by_cache(core, ms, queries, drafts, n, missing, &n_missing);
	if (r < 0)
		return r;
	if (n_missing > 0)
		r = resolve_missing(core, module, ms, missing, n_missing, drafts, n);
	else if (n > 0 && !ms->loaded)
		(void)symbols_cache_known(ms->cache, &module->info->debuginfo);
	if (r < 0)
		return r;
	describe_module(module, ms, queries, drafts, n);
	for (size_t i = 0; i < n; i++) {
		r = publish(core, module, &drafts[i], &queries[i].symbol);
		if (r < 0)
			return r;
	}
	return 0;
}

void module_symbols_save(struct core *core, struct module *module) {
	struct module_symbols *ms = module->symbols;
	enum cw_debuginfo known = CW_DEBUGINFO_NONE;

	if (!ms || !ms->cache)
		return;
	/* The build has crashed before, elsewhere: it will do so again. Sections of one that crashed once are not worth
	 * writing hundreds of megabytes. */
	if (symbols_cache_known(ms->cache, &known) && ms->loaded)
		debuginfo_save(ms->info);
	symbols_cache_save(ms->cache, core->arena, ms->loaded ? module->info->debuginfo : known);
}
