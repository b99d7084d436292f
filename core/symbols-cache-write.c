/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is new goes into a new entry together with what the old one had. See symbols-cache.h. */
#include "core/symbols-cache-private.h"

void symbols_cache_put(struct symbols_cache *c, uint64_t address, const struct symbol_answer *answer) {
	if (c->n_symbols == c->symbols_allocated) {
		size_t more = MAX(c->symbols_allocated * 2, (size_t)64);
		struct fresh_symbol *grown = c->n_symbols < RECORDS_MAX ? reallocarray(c->symbols, more, sizeof(*grown)) : NULL;

		if (!grown)
			return;
		c->symbols = grown;
		c->symbols_allocated = more;
	}
	c->symbols[c->n_symbols++] = (struct fresh_symbol){ .address = address, .answer = *answer };
}

void symbols_cache_put_name(struct symbols_cache *c, const char *name, bool defined, uint64_t address) {
	if (c->n_names < ELEMENTSOF(c->names))
		c->names[c->n_names++] = (struct fresh_name){ .name = name, .address = address, .defined = defined };
}

/* The new entry's parts while they grow. */
struct writer {
	struct stored_symbol *symbols;
	struct stored_location *inlined;
	struct stored_name *names;
	char *pool;
	struct head head;
	size_t inlined_max, pool_allocated;
	bool failed;
};

/* Strings that came one after the other are often the same: files, languages. Others may stand twice. */
static uint32_t put_text(struct writer *w, const char *text, uint32_t previous) {
	size_t n;

	if (!text)
		return 0;
	if (previous > 0 && streq(w->pool + previous, text))
		return previous;
	n = strlen(text) + 1;
	if (n > POOL_MAX - w->head.pool_bytes) {
		w->failed = true;
		return 0;
	}
	if (n > w->pool_allocated - w->head.pool_bytes) {
		size_t more = MAX(w->pool_allocated * 2, w->head.pool_bytes + n);
		char *grown = realloc(w->pool, more);

		if (!grown) {
			w->failed = true;
			return 0;
		}
		w->pool = grown;
		w->pool_allocated = more;
	}
	memcpy(w->pool + w->head.pool_bytes, text, n);
	w->head.pool_bytes += (uint32_t)n;
	return w->head.pool_bytes - (uint32_t)n;
}

static struct stored_location put_location(struct writer *w, const struct cw_location *l,
					   const struct stored_location *previous) {
	return (struct stored_location){
		.function = put_text(w, l->function, previous ? previous->function : 0),
		.file = put_text(w, l->file, previous ? previous->file : 0),
		.line = l->line,
		.column = l->column,
	};
}

static void put_symbol(struct writer *w, uint64_t address, const struct symbol_answer *a) {
	struct stored_symbol *s = &w->symbols[w->head.n_symbols];
	const struct stored_symbol *previous = w->head.n_symbols > 0 ? s - 1 : NULL;

	if (a->symbol.n_inlined > w->inlined_max - w->head.n_inlined) {
		w->failed = true;
		return;
	}
	*s = (struct stored_symbol){
		.address = address,
		.start = a->symbol.start,
		.size = a->symbol.size,
		.at = put_location(w, &a->symbol.at, previous ? &previous->at : NULL),
		.linkage_name = put_text(w, a->symbol.linkage_name, previous ? previous->linkage_name : 0),
		.language = put_text(w, a->language, previous ? previous->language : 0),
		.first_inlined = w->head.n_inlined,
		.n_inlined = (uint32_t)a->symbol.n_inlined,
		.found = a->found,
		.evidence = (uint8_t)a->evidence,
		.optimized = (int8_t)a->optimized,
	};
	for (size_t i = 0; i < a->symbol.n_inlined; i++) {
		struct stored_location *l = &w->inlined[w->head.n_inlined];

		*l = put_location(w, &a->symbol.inlined[i], w->head.n_inlined > 0 ? l - 1 : NULL);
		w->head.n_inlined++;
	}
	w->head.n_symbols++;
}

static void put_name(struct writer *w, const char *name, bool defined, uint64_t address) {
	w->names[w->head.n_names++] = (struct stored_name){
		.address = address, .name = put_text(w, name, 0), .defined = defined
	};
}

static int compare_fresh(const void *a, const void *b) {
	const struct fresh_symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/* Old and new, both sorted, into one; what is old and damaged is left out. */
static void merge(struct symbols_cache *c, struct arena *arena, struct writer *w) {
	size_t i = 0, k = 0, n_old = c->entry.data ? c->view.head.n_symbols : 0;

	if (c->n_symbols > 0)
		qsort(c->symbols, c->n_symbols, sizeof(*c->symbols), compare_fresh);
	while (i < n_old || k < c->n_symbols) {
		const struct stored_symbol *old = i < n_old ? &c->view.symbols[i] : NULL;
		const struct fresh_symbol *fresh = k < c->n_symbols ? &c->symbols[k] : NULL;
		struct symbol_answer answer;

		if (fresh && (!old || fresh->address <= old->address)) {
			put_symbol(w, fresh->address, &fresh->answer);
			k++;
			i += old && old->address == fresh->address;
			continue;
		}
		if (stored_get(&c->view, arena, old, &answer) >= 0)
			put_symbol(w, old->address, &answer);
		i++;
	}
	for (i = 0; c->entry.data && i < c->view.head.n_names; i++)
		if (c->view.names[i].name < c->view.head.pool_bytes)
			put_name(w, c->view.pool + c->view.names[i].name, c->view.names[i].defined, c->view.names[i].address);
	for (i = 0; i < c->n_names; i++)
		put_name(w, c->names[i].name, c->names[i].defined, c->names[i].address);
}

static int writer_init(const struct symbols_cache *c, struct writer *w) {
	const struct head *old = &c->view.head;
	size_t n = c->n_symbols + old->n_symbols, n_names = c->n_names + old->n_names;

	*w = (struct writer){ .inlined_max = old->n_inlined };
	for (size_t i = 0; i < c->n_symbols; i++)
		w->inlined_max += c->symbols[i].answer.symbol.n_inlined;
	if (n > RECORDS_MAX || n_names > NAMES_MAX || w->inlined_max > INLINED_MAX)
		return -E2BIG;
	w->symbols = calloc(n + 1, sizeof(*w->symbols));
	w->inlined = calloc(w->inlined_max + 1, sizeof(*w->inlined));
	w->names = calloc(n_names + 1, sizeof(*w->names));
	w->pool = calloc(1, KIB(64));
	w->pool_allocated = KIB(64);
	w->head.pool_bytes = 1;
	return w->symbols && w->inlined && w->names && w->pool ? 0 : -ENOMEM;
}

static void writer_done(struct writer *w) {
	free(w->symbols);
	free(w->inlined);
	free(w->names);
	free(w->pool);
}

static void write_entry(const struct symbols_cache *c, const struct writer *w) {
	const struct { const void *data; size_t size; } parts[] = {
		{ &w->head, sizeof(w->head) },
		{ w->symbols, w->head.n_symbols * sizeof(*w->symbols) },
		{ w->inlined, w->head.n_inlined * sizeof(*w->inlined) },
		{ w->names, w->head.n_names * sizeof(*w->names) },
		{ w->pool, w->head.pool_bytes },
	};
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t size = 0;

	for (size_t i = 0; i < ELEMENTSOF(parts); i++)
		size += parts[i].size;
	bytes = malloc(size);
	if (!bytes)
		return;
	size = 0;
	for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
		memcpy(bytes + size, parts[i].data, parts[i].size);
		size += parts[i].size;
	}
	(void)cache_store(&c->cache, c->name, &c->key, bytes, size);
}

void symbols_cache_save(struct symbols_cache *c, struct arena *arena, enum cw_debuginfo debuginfo) {
	struct writer w;

	if (c->cache.fd < 0 || (c->n_symbols == 0 && c->n_names == 0))
		return;
	if (writer_init(c, &w) >= 0) {
		w.head.debuginfo = debuginfo;
		merge(c, arena, &w);
		if (!w.failed)
			write_entry(c, &w);
	}
	writer_done(&w);
}
