/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See symtab.h. One pass over the symbols with a binary search in the addresses: sorting 165 000 symbols for ten
 * addresses costs more. */
#include "core/symtab.h"

/* Browsers have some 2 million symbols. */
#define SYMBOLS_MAX (16u << 20)
/* Symbols that span many of the asked addresses are made on purpose: nesting is rare. Bounds the work to some seconds.
 */
#define STEPS_MAX (64u << 20)

struct table {
	Elf *elf;
	Elf_Data *data;
	size_t n, strings;
};

static bool table_open(Elf *elf, enum symtab_kind kind, struct table *ret_table) {
	Elf_Scn *scn = NULL;
	GElf_Shdr header;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &header) || header.sh_type != kind || header.sh_entsize == 0)
			continue;
		*ret_table = (struct table){ .elf = elf, .data = elf_getdata(scn, NULL), .strings = header.sh_link };
		if (!ret_table->data || !ret_table->data->d_buf)
			continue;
		ret_table->n = MIN(ret_table->data->d_size / (size_t)header.sh_entsize, (size_t)SYMBOLS_MAX);
		return ret_table->n > 0;
	}
	return false;
}

bool symtab_present(Elf *elf, enum symtab_kind kind) {
	struct table t;

	return table_open(elf, kind, &t);
}

/* A defined symbol with an address and a name. */
static const char *symbol_get(const struct table *t, size_t i, GElf_Sym *ret_symbol) {
	const char *name;

	if (!gelf_getsym(t->data, (int)i, ret_symbol) || ret_symbol->st_shndx == SHN_UNDEF ||
	    ret_symbol->st_shndx == SHN_ABS || ret_symbol->st_shndx == SHN_COMMON)
		return NULL;
	name = elf_strptr(t->elf, t->strings, ret_symbol->st_name);
	return name && *name ? name : NULL;
}

static unsigned rank(const GElf_Sym *s, const char *name) {
	unsigned binding = GELF_ST_BIND(s->st_info), underscores = 0;

	while (underscores < 63 && name[underscores] == '_')
		underscores++;
	return (binding == STB_LOCAL) << 8 | underscores << 1 | (binding != STB_GLOBAL);
}

/* Whether a is the better choice. Starts first: the later start is the inner function. */
static bool better(const struct symtab_candidate *a, const struct symtab_candidate *b) {
	size_t length_a, length_b;

	if (!b->name || a->start != b->start)
		return !b->name || a->start > b->start;
	if (a->rank != b->rank)
		return a->rank < b->rank;
	length_a = strlen(a->name);
	length_b = strlen(b->name);
	return length_a != length_b ? length_a < length_b : strcmp(a->name, b->name) < 0;
}

/* The first query at or above address. */
static size_t first_at(const struct symtab_query *queries, size_t n, uint64_t address) {
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (queries[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void consider(struct symtab_query *queries, size_t n, const struct symtab_candidate *c, bool is_label,
		     unsigned *steps) {
	size_t first = first_at(queries, n, c->start), past;

	if (first > 0 && !is_label)
		queries[first - 1].next = MIN(queries[first - 1].next, c->start);
	if (first == n)
		return;
	if (c->end == c->start) {
		struct symtab_candidate *slot = is_label ? &queries[first].label : &queries[first].unsized;

		if (better(c, slot))
			*slot = *c;
		return;
	}
	past = first_at(queries, n, c->end);
	if (past < n)
		queries[past].ended = MAX(queries[past].ended, c->end);
	for (size_t i = first; i < past && *steps > 0; i++, --*steps)
		if (better(c, &queries[i].sized))
			queries[i].sized = *c;
}

static uint64_t section_end(Elf *elf, size_t index) {
	Elf_Scn *scn = elf_getscn(elf, index);
	GElf_Shdr header;
	uint64_t end;

	return scn && gelf_getshdr(scn, &header) && add_u64(header.sh_addr, header.sh_size, &end) ? end : 0;
}

static void choose(struct symtab_query *q, Elf *elf) {
	const struct symtab_candidate *c = &q->sized;

	if (!c->name) {
		/* An unsized one within or before a sized one, which ended before the address, did not reach it. */
		c = q->unsized.name && q->unsized.start >= q->ended ? &q->unsized : &q->label;
		if (!c->name || c->start < q->ended || q->address >= section_end(elf, c->section))
			return;
	}
	q->name = c->name;
	q->start = c->start;
	q->size = (c->end > c->start ? c->end : MIN(q->next, section_end(elf, c->section))) - c->start;
}

void symtab_resolve(Elf *elf, enum symtab_kind kind, struct symtab_query *queries, size_t n) {
	unsigned steps = STEPS_MAX;
	struct table t;

	for (size_t i = 0; i < n; i++)
		queries[i] = (struct symtab_query){ .address = queries[i].address, .next = UINT64_MAX };
	if (n == 0 || !table_open(elf, kind, &t))
		return;
	for (size_t i = 1; i < t.n; i++) {
		GElf_Sym s;
		const char *name = symbol_get(&t, i, &s);
		unsigned type;
		struct symtab_candidate c;

		if (!name)
			continue;
		type = GELF_ST_TYPE(s.st_info);
		/* "$x", "$d": mapping symbols of ARM mark data in code. */
		if ((type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) || name[0] == '$')
			continue;
		c = (struct symtab_candidate){
			.name = name, .start = s.st_value, .rank = rank(&s, name), .section = s.st_shndx
		};
		if (!add_u64(s.st_value, s.st_size, &c.end))
			continue;
		/* A local label of unknown type is most often a place within a function. */
		consider(queries, n, &c, type == STT_NOTYPE && GELF_ST_BIND(s.st_info) == STB_LOCAL, &steps);
	}
	/* What a query saw only itself goes on to those above it, and back. */
	for (size_t i = 1; i < n; i++) {
		queries[i].ended = MAX(queries[i].ended, queries[i - 1].ended);
		if (queries[i - 1].unsized.name && better(&queries[i - 1].unsized, &queries[i].unsized))
			queries[i].unsized = queries[i - 1].unsized;
		if (queries[i - 1].label.name && better(&queries[i - 1].label, &queries[i].label))
			queries[i].label = queries[i - 1].label;
	}
	for (size_t i = n - 1; i > 0; i--)
		queries[i - 1].next = MIN(queries[i - 1].next, queries[i].next);
	for (size_t i = 0; i < n; i++)
		choose(&queries[i], elf);
}

int symtab_find(Elf *elf, enum symtab_kind kind, const char *name, uint64_t *ret_address) {
	size_t length = strlen(name);
	struct table t;

	if (!table_open(elf, kind, &t))
		return -ENOENT;
	for (size_t i = 1; i < t.n; i++) {
		GElf_Sym s;
		const char *own = symbol_get(&t, i, &s);
		unsigned type;

		if (!own || strncmp(own, name, length) != 0 || (own[length] && own[length] != '@'))
			continue;
		type = GELF_ST_TYPE(s.st_info);
		if (type == STT_TLS || type == STT_SECTION || type == STT_FILE)
			continue;
		*ret_address = s.st_value;
		return 0;
	}
	return -ENOENT;
}
