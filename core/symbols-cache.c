/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See symbols-cache.h. The entry: a head, sorted records, inlined functions, names, and the pool of strings. It is in
 * the machine's own byte order, for it never leaves the machine. The checksum was right, yet every number is checked
 * where it is used: whoever can write to the folder can compute checksums.
 */
#include "core/symbols-cache-private.h"

#include "util/text.h"

#define TEXT_MAX_BYTES 4096u
/* As many inlined functions as dwarf-symbol.c ever gives. */
#define CHAIN_MAX 128u

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

static int get_location(const struct view *v, struct arena *arena, const struct stored_location *s,
			struct cw_location *ret) {
	int r = get_text(v, arena, s->function, &ret->function);

	ret->line = MIN(s->line, (uint32_t)INT32_MAX);
	ret->column = MIN(s->column, (uint32_t)INT32_MAX);
	return r < 0 ? r : get_text(v, arena, s->file, &ret->file);
}

static int get_inlined(const struct view *v, struct arena *arena, const struct stored_symbol *s,
		       struct cw_symbol *ret) {
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

int stored_get(const struct view *v, struct arena *arena, const struct stored_symbol *s, struct symbol_answer *ret) {
	struct symbol_answer a = { .known = true, .found = s->found != 0,
				   .optimized = s->optimized < 0 ? -1 : s->optimized > 0 };
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
	int r = s ? stored_get(&c->view, arena, s, ret) : -ENOENT;

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
