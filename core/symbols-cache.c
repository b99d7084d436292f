/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See symbols-cache.h. The entry: a head, sorted records, inlined functions, names, and the pool of strings. It is in
 * the machine's own byte order, for it never leaves the machine. The checksum was right, yet every number is checked
 * where it is used: whoever can write to the folder can compute checksums.
 */
#include "core/symbols-cache.h"

#include "util/text.h"

/* Of one build: more places than that no program crashes at. Bounds the entry to some 30 MiB. */
#define RECORDS_MAX 65536u
#define INLINED_MAX (1u << 18)
#define NAMES_MAX 1024u
#define POOL_MAX MIB(16)
#define TEXT_MAX_BYTES 4096u
/* As many inlined functions as dwarf-symbol.c ever gives. */
#define CHAIN_MAX 128u

/* Strings are offsets into the pool; 0 is NULL. */
struct stored_location {
	uint32_t function, file, line, column;
};
struct stored_symbol {
	uint64_t address, start, size;
	struct stored_location at;
	uint32_t linkage_name, language;
	uint32_t first_inlined, n_inlined;
	uint8_t found, evidence;
	int8_t optimized;
	uint8_t unused[5];
};
struct stored_name {
	uint64_t address;
	uint32_t name, defined;
};
struct head {
	uint32_t n_symbols, n_inlined, n_names, pool_bytes, debuginfo, unused[3];
};
_Static_assert(sizeof(struct stored_symbol) == 64 && sizeof(struct head) == 32, "no padding: it would hold rubbish");

/* An entry's parts, within its bytes. */
struct view {
	const struct stored_symbol *symbols;
	const struct stored_location *inlined;
	const struct stored_name *names;
	const char *pool;
	struct head head;
};

struct fresh_symbol {
	uint64_t address;
	struct symbol_answer answer;
};
struct fresh_name {
	const char *name;
	uint64_t address;
	bool defined;
};

struct symbols_cache {
	struct cache cache;
	struct cache_key key;
	char name[80];
	struct cache_entry entry;
	struct view view;       /* of entry; empty if there is none */
	struct fresh_symbol *symbols;
	size_t n_symbols, symbols_allocated;
	struct fresh_name names[16];
	size_t n_names;
};

static bool view_open(const struct cache_entry *entry, struct view *ret_view) {
	struct view v;
	uint64_t size;

	if (entry->size < sizeof(v.head))
		return false;
	memcpy(&v.head, entry->data, sizeof(v.head));
	if (v.head.n_symbols > RECORDS_MAX || v.head.n_inlined > INLINED_MAX || v.head.n_names > NAMES_MAX ||
	    v.head.pool_bytes > POOL_MAX || v.head.pool_bytes == 0 || v.head.debuginfo > CW_DEBUGINFO_DWARF)
		return false;
	size = sizeof(v.head) + v.head.n_symbols * sizeof(*v.symbols) + v.head.n_inlined * sizeof(*v.inlined) +
	       v.head.n_names * sizeof(*v.names) + v.head.pool_bytes;
	if (size != entry->size)
		return false;
	v.symbols = (const void *)(entry->data + sizeof(v.head));
	v.inlined = (const void *)(v.symbols + v.head.n_symbols);
	v.names = (const void *)(v.inlined + v.head.n_inlined);
	v.pool = (const char *)(v.names + v.head.n_names);
	if (v.pool[0] != 0 || v.pool[v.head.pool_bytes - 1] != 0)
		return false;
	*ret_view = v;
	return true;
}

int symbols_cache_open(const struct cache *cache, const char *build_id, const int *files, size_t n_files,
		       struct symbols_cache **ret_cache) {
	struct symbols_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->cache = *cache;
	snprintf(c->name, sizeof(c->name), "%.64s.sym", build_id);
	if (cache_make_key("symbols", build_id, files, n_files, &c->key) < 0)
		c->cache.fd = -EBADF;
	if (cache_open(&c->cache, c->name, &c->key, CACHE_COPY, &c->entry) >= 0 && !view_open(&c->entry, &c->view))
		cache_entry_close(&c->entry);
	*ret_cache = c;
	return 0;
}

void symbols_cache_free(struct symbols_cache *c) {
	if (!c)
		return;
	cache_entry_close(&c->entry);
	free(c->symbols);
	free(c);
}

bool symbols_cache_known(const struct symbols_cache *c, enum cw_debuginfo *ret_debuginfo) {
	if (!c->entry.data)
		return false;
	*ret_debuginfo = (enum cw_debuginfo)c->view.head.debuginfo;
	return true;
}

/* ── reading ──────────────────────────────────────────────────────────────────────────────────────────────── */

/* Cleaned again: the invariant that no control character reaches a report does not hang on a file. */
static int get_text(const struct view *v, struct arena *arena, uint32_t offset, const char **ret_text) {
	char text[TEXT_MAX_BYTES];

	*ret_text = NULL;
	if (offset == 0)
		return 0;
	if (offset >= v->head.pool_bytes)
		return -EBADMSG;
	text_clean(v->pool + offset, strnlen(v->pool + offset, v->head.pool_bytes - offset), text, sizeof(text));
	*ret_text = arena_strdup(arena, text);
	return *ret_text ? 0 : -ENOMEM;
}

static int get_location(const struct view *v, struct arena *arena, const struct stored_location *s, struct cw_location *ret) {
	int r = get_text(v, arena, s->function, &ret->function);

	ret->line = MIN(s->line, (uint32_t)INT32_MAX);
	ret->column = MIN(s->column, (uint32_t)INT32_MAX);
	return r < 0 ? r : get_text(v, arena, s->file, &ret->file);
}

static int get_inlined(const struct view *v, struct arena *arena, const struct stored_symbol *s, struct cw_symbol *ret) {
	struct cw_location *chain;
	int r;

	if (s->n_inlined == 0)
		return 0;
	if (s->n_inlined > CHAIN_MAX || s->first_inlined > v->head.n_inlined ||
	    s->n_inlined > v->head.n_inlined - s->first_inlined)
		return -EBADMSG;
	chain = arena_alloc_array(arena, s->n_inlined, sizeof(*chain));
	if (!chain)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_inlined; i++) {
		r = get_location(v, arena, &v->inlined[s->first_inlined + i], &chain[i]);
		if (r < 0)
			return r;
	}
	ret->inlined = chain;
	ret->n_inlined = s->n_inlined;
	return 0;
}

static int get_answer(const struct view *v, struct arena *arena, const struct stored_symbol *s, struct symbol_answer *ret) {
	struct symbol_answer a = { .known = true, .found = s->found != 0, .optimized = s->optimized < 0 ? -1 : s->optimized > 0 };
	uint64_t end;
	int r;

	if (s->evidence > EVIDENCE_PROGRAM || !add_u64(s->start, s->size, &end))
		return -EBADMSG;
	a.evidence = (enum evidence)s->evidence;
	a.symbol.start = s->start;
	a.symbol.size = s->size;
	r = get_location(v, arena, &s->at, &a.symbol.at);
	if (r >= 0)
		r = get_text(v, arena, s->linkage_name, &a.symbol.linkage_name);
	if (r >= 0)
		r = get_text(v, arena, s->language, &a.language);
	if (r >= 0)
		r = get_inlined(v, arena, s, &a.symbol);
	if (r < 0)
		return r;
	*ret = a;
	return 0;
}

static const struct stored_symbol *find_symbol(const struct view *v, uint64_t address) {
	size_t low = 0, high = v->head.n_symbols;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (v->symbols[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < v->head.n_symbols && v->symbols[low].address == address ? &v->symbols[low] : NULL;
}

int symbols_cache_get(const struct symbols_cache *c, struct arena *arena, uint64_t address, struct symbol_answer *ret) {
	const struct stored_symbol *s = c->entry.data ? find_symbol(&c->view, address) : NULL;
	int r = s ? get_answer(&c->view, arena, s, ret) : -ENOENT;

	return r == -EBADMSG ? -ENOENT : r;
}

int symbols_cache_find(const struct symbols_cache *c, const char *name, uint64_t *ret_address) {
	for (size_t i = 0; c->entry.data && i < c->view.head.n_names; i++) {
		const struct stored_name *n = &c->view.names[i];

		if (n->name >= c->view.head.pool_bytes || !streq(c->view.pool + n->name, name))
			continue;
		if (!n->defined)
			return -ENODATA;
		*ret_address = n->address;
		return 0;
	}
	return -ENOENT;
}

/* ── writing ──────────────────────────────────────────────────────────────────────────────────────────────── */

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

static struct stored_location put_location(struct writer *w, const struct cw_location *l, const struct stored_location *previous) {
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
		if (get_answer(&c->view, arena, old, &answer) >= 0)
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
