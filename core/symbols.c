/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See symbols.h. This file remembers what was looked up and sorts queries into one batch per module; symbols-module.c
 * does the work.
 *
 * What an address means depends on nothing but the address that is looked up (pc, or pc - 1 for return addresses), so
 * that is the key.
 */
#include "core/symbols.h"

#include "core/symbols-module.h"

struct memo {
	uint64_t address;      /* 0: free */
	const struct cw_symbol *symbol;
};

struct symbols {
	struct core *core;
	struct memo *memos;    /* open addressing, size a power of two, at most half full */
	size_t n, size;
};

struct pending {
	uint64_t address;
	struct module *module;
	size_t order;
};

int symbols_new(struct core *core, struct symbols **ret_symbols) {
	struct symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	elf_version(EV_CURRENT);
	s->core = core;
	*ret_symbols = s;
	return 0;
}

void symbols_free(struct symbols *s) {
	if (!s)
		return;
	for (size_t i = 0; i < s->core->pub.n_modules; i++)
		module_symbols_free(&s->core->modules[i]);
	free(s->memos);
	free(s);
}

/* The slot of an address, or the free one where it belongs; size > 0. Multiplicative hashing: the low bits of addresses
 * are too regular. */
static struct memo *memo_slot(const struct symbols *s, uint64_t address) {
	size_t at = (size_t)(address * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (s->size - 1);

	while (s->memos[at].address != 0 && s->memos[at].address != address)
		at = (at + 1) & (s->size - 1);
	return &s->memos[at];
}

static bool memo_get(const struct symbols *s, uint64_t address, const struct cw_symbol **ret_symbol) {
	const struct memo *m = s->size > 0 ? memo_slot(s, address) : NULL;

	if (!m || m->address == 0)
		return false;
	*ret_symbol = m->symbol;
	return true;
}

static int memo_put(struct symbols *s, uint64_t address, const struct cw_symbol *symbol) {
	struct memo *m;

	if (s->n * 2 >= s->size) {
		struct symbols grown = { .size = MAX(s->size * 2, (size_t)256) };

		grown.memos = calloc(grown.size, sizeof(*grown.memos));
		if (!grown.memos)
			return -ENOMEM;
		for (size_t i = 0; i < s->size; i++)
			if (s->memos[i].address != 0)
				*memo_slot(&grown, s->memos[i].address) = s->memos[i];
		free(s->memos);
		s->memos = grown.memos;
		s->size = grown.size;
	}
	m = memo_slot(s, address);
	s->n += m->address == 0;
	*m = (struct memo){ .address = address, .symbol = symbol };
	return 0;
}

/* 0: nothing to look up. */
static uint64_t address_of(const struct symbol_query *q) {
	return q->pc == 0 || q->exact ? q->pc : q->pc - 1;
}

static int compare_pending(const void *a, const void *b) {
	const struct pending *x = a, *y = b;

	if (x->module != y->module)
		return x->module < y->module ? -1 : 1;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* One module's share, sorted by address: results into the memo. */
static int resolve_batch(struct symbols *s, const struct pending *pending, size_t n) {
	_cleanup_free_ struct module_query *queries = calloc(n, sizeof(*queries));
	struct module *module = pending[0].module;
	uint64_t bias = module->info->bias;
	int r;

	if (!queries)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		queries[i] = (struct module_query){ .address = pending[i].address - bias, .order = pending[i].order };
	if (module->elf) {
		r = module_symbols_resolve(s->core, module, queries, n);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++) {
		r = memo_put(s, queries[i].address + bias, queries[i].symbol);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Of thousands of queries few are pending: the frames of a pool of threads stand at the same few places. */
static int add_pending(struct pending **list, size_t *n, size_t *allocated, const struct pending *pending) {
	if (*n == *allocated) {
		size_t more = MAX(*allocated * 2, (size_t)64);
		struct pending *grown = reallocarray(*list, more, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*list = grown;
		*allocated = more;
	}
	(*list)[(*n)++] = *pending;
	return 0;
}

int symbols_resolve(struct core *core, struct symbol_query *queries, size_t n) {
	_cleanup_free_ struct pending *pending = NULL;
	struct symbols *s = core->symbols;
	size_t n_pending = 0, allocated = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		uint64_t address = address_of(&queries[i]);
		const struct cw_mapping *mapping;
		struct module *module;

		queries[i].symbol = NULL;
		if (address == 0 || memo_get(s, address, &queries[i].symbol))
			continue;
		module = core_find_module(core, address);
		mapping = core_find_mapping(core, address);
		/* A pc in data is no function, whatever symbol lies there. */
		if (!module || (mapping && mapping->perm != 0 && !(mapping->perm & CW_PERM_EXEC)))
			continue;
		r = add_pending(&pending, &n_pending, &allocated, &(struct pending){ .address = address, .module = module, .order = i });
		/* Unknown until the batch is done: equal addresses are looked up once. */
		if (r >= 0)
			r = memo_put(s, address, NULL);
		if (r < 0)
			return r;
	}
	if (n_pending == 0)
		return 0;
	qsort(pending, n_pending, sizeof(*pending), compare_pending);
	for (size_t i = 0, end; i < n_pending; i = end) {
		for (end = i + 1; end < n_pending && pending[end].module == pending[i].module;)
			end++;
		r = resolve_batch(s, pending + i, end - i);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t address = address_of(&queries[i]);

		if (address != 0 && !queries[i].symbol)
			memo_get(s, address, &queries[i].symbol);
	}
	return 0;
}

int symbols_find(struct core *core, struct module *module, const char *name, uint64_t *ret_address) {
	uint64_t address;

	if (!module || !module->elf || module_symbols_find(core, module, name, &address) < 0)
		return -ENOENT;
	*ret_address = address + module->info->bias;
	return 0;
}

int symbols_function_bounds(struct core *core, uint64_t pc, uint64_t *ret_start, uint64_t *ret_end) {
	struct symbol_query query = { .pc = pc, .exact = true };
	uint64_t end;

	if (symbols_resolve(core, &query, 1) < 0 || !query.symbol || query.symbol->size == 0 ||
	    !add_u64(query.symbol->start, query.symbol->size, &end))
		return -ENOENT;
	*ret_start = query.symbol->start;
	*ret_end = end;
	return 0;
}

void symbols_save(struct core *core) {
	for (size_t i = 0; i < core->pub.n_modules; i++)
		module_symbols_save(core, &core->modules[i]);
}
