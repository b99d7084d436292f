/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who uses the stack: bytes by pc while walking (exact, however the frames fold), by function once there are symbols. Inlined functions have no frame: their
 * bytes are those of the function that they were inlined into.
 */
#include "core/symbols.h"
#include "core/unwind.h"

/* Distinct pcs of one stack segment. Real stacks have some hundred; past this the rest is not told apart (and the largest are long known). */
#define USES_MAX 16384u
/* Functions listed for a thread. */
#define FUNCTIONS_MAX 64u

static struct pc_use *find_slot(struct pc_use *uses, size_t allocated, uint64_t pc, bool exact) {
	size_t at = (size_t)((pc * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (allocated - 1);

	while (uses[at].count > 0 && (uses[at].pc != pc || uses[at].exact != exact))
		at = (at + 1) & (allocated - 1);
	return &uses[at];
}

static int grow(struct core *core, struct stack_segment *s) {
	size_t more = MAX(s->allocated * 2, (size_t)16);
	struct pc_use *uses = arena_alloc_array(core->arena, more, sizeof(*uses));

	if (!uses)
		return -ENOMEM;
	for (size_t i = 0; i < s->allocated; i++)
		if (s->uses[i].count > 0)
			*find_slot(uses, more, s->uses[i].pc, s->uses[i].exact) = s->uses[i];
	s->uses = uses;
	s->allocated = more;
	return 0;
}

int segment_add(struct core *core, struct stack_segment *s, const struct raw_frame *frame) {
	uint64_t bytes = frame->bytes > 0 ? (uint64_t)frame->bytes : 0;
	struct pc_use *use;
	int r;

	if (s->n_uses * 4 >= s->allocated * 3 && s->n_uses < USES_MAX) {
		r = grow(core, s);
		if (r < 0)
			return r;
	}
	if (frame->has_cfa && frame->bytes >= 0) {
		s->low = s->sized ? s->low : frame->cfa - bytes;
		s->high = frame->cfa;
		s->bytes += bytes;
		s->sized = true;
	}
	use = find_slot(s->uses, s->allocated, frame->pc, frame->exact_pc);
	if (use->count == 0) {
		if (s->n_uses >= USES_MAX)
			return 0;
		use->pc = frame->pc;
		use->exact = frame->exact_pc;
		s->n_uses++;
	}
	use->count++;
	use->bytes += bytes;
	use->largest = MAX(use->largest, bytes);
	return 0;
}

static int compare_functions(const void *a, const void *b) {
	const struct cw_function_use *x = a, *y = b;
	int c;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	c = strcmp(x->function, y->function);
	return c ? c : x->pc < y->pc ? -1 : x->pc > y->pc;
}

static int compare_names(const void *a, const void *b) {
	const struct cw_function_use *x = a, *y = b;
	int c = strcmp(x->function, y->function);

	return c ? c : x->module < y->module ? -1 : x->module > y->module;
}

static const char *name_of(struct core *core, const struct cw_symbol *symbol, const struct module *m, uint64_t pc) {
	const char *slash;

	if (symbol && symbol->at.function)
		return symbol->at.function;
	if (!m)
		return arena_printf(core->arena, "0x%llx", (unsigned long long)pc);
	slash = strrchr(m->info->path, '/');
	return arena_printf(core->arena, "%s+0x%llx", slash ? slash + 1 : m->info->path, (unsigned long long)(pc - m->info->bias));
}

/* The uses of all these segments in one list. */
static const struct pc_use **list_uses(struct core *core, const struct stack_segment *s, size_t n_segments, size_t *ret_n) {
	const struct pc_use **list;
	size_t n = 0;

	for (size_t k = 0; k < n_segments; k++)
		n += s[k].n_uses;
	list = arena_alloc_array(core->arena, n, sizeof(*list));
	*ret_n = 0;
	for (size_t k = 0; list && k < n_segments; k++)
		for (size_t i = 0; i < s[k].allocated; i++)
			if (s[k].uses[i].count > 0)
				list[(*ret_n)++] = &s[k].uses[i];
	return list;
}

static int collect(struct core *core, const struct stack_segment *s, size_t n_segments, const struct cw_function_use **ret, size_t *ret_n) {
	size_t n = 0, merged = 0;
	const struct pc_use **uses = list_uses(core, s, n_segments, &n);
	struct symbol_query *queries = arena_alloc_array(core->arena, n, sizeof(*queries));
	struct cw_function_use *list = arena_alloc_array(core->arena, n, sizeof(*list));
	int r;

	if (!uses || !queries || !list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		queries[i] = (struct symbol_query){ .pc = uses[i]->pc, .exact = uses[i]->exact };
	r = symbols_resolve(core, queries, n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		const struct pc_use *u = uses[i];
		const struct module *m = core_find_module(core, u->pc);

		list[i] = (struct cw_function_use){ .function = name_of(core, queries[i].symbol, m, u->pc), .module = m ? m->info : NULL,
		                                    .symbol = queries[i].symbol, .count = u->count, .bytes = u->bytes,
		                                    .largest_frame_bytes = u->largest, .pc = u->pc };
		if (!list[i].function)
			return -ENOMEM;
	}
	qsort(list, n, sizeof(*list), compare_names);
	for (size_t i = 0; i < n; i++) {
		struct cw_function_use *into = merged > 0 ? &list[merged - 1] : NULL;

		if (!into || compare_names(into, &list[i]) != 0) {
			list[merged++] = list[i];
			continue;
		}
		into->count += list[i].count;
		into->bytes += list[i].bytes;
		if (list[i].largest_frame_bytes > into->largest_frame_bytes) {
			into->largest_frame_bytes = list[i].largest_frame_bytes;
			into->pc = list[i].pc;
			into->symbol = list[i].symbol;
		}
	}
	qsort(list, merged, sizeof(*list), compare_functions);
	*ret = list;
	*ret_n = MIN(merged, (size_t)FUNCTIONS_MAX);
	return 0;
}

/*
 * Threads of a pool stand in the same places with the same frames: what was collected for the last few of them is taken again. The same frames came in
 * the same order, so their tables are equal byte by byte; where padding is not, the work is done once more.
 */
static int collect_once(struct core *core, struct account_memo *memo, const struct stack_segment *s, struct cw_thread *t) {
	struct account *a = &memo->last[memo->n % ELEMENTSOF(memo->last)];
	int r;

	for (size_t i = 0; i < MIN(memo->n, ELEMENTSOF(memo->last)); i++) {
		const struct account *known = &memo->last[i];

		if (known->segment->n_uses != s->n_uses || known->segment->allocated != s->allocated ||
		    memcmp(known->segment->uses, s->uses, s->allocated * sizeof(*s->uses)) != 0)
			continue;
		t->functions = known->functions;
		t->n_functions = known->n_functions;
		return 0;
	}
	r = collect(core, s, 1, &a->functions, &a->n_functions);
	if (r < 0)
		return r;
	a->segment = s;
	t->functions = a->functions;
	t->n_functions = a->n_functions;
	memo->n++;
	return 0;
}

/* A signal frame begins a segment, and a handler mostly runs on the stack of what it interrupted: so many segments from this one on lie on one stack. */
static size_t count_adjoining(const struct cw_stack *stack, const struct stack_segment *s, size_t n) {
	size_t k = 1;

	while (k < n && stack->has_bounds && s[k - 1].sized && s[k].sized && s[k - 1].low >= stack->low && s[k].low >= s[k - 1].high && s[k].high <= stack->high)
		k++;
	return k;
}

int account_thread(struct core *core, struct account_memo *memo, size_t i, uint32_t frame) {
	struct cw_thread *t = &core->threads[i];
	const struct unwind_thread *u = &core->unwound[i];
	const struct stack_segment *s = NULL, *next = NULL;
	uint64_t most = 0;
	size_t n;
	int r;

	for (size_t k = 0; k < u->n_segments; k++)
		if (u->segments[k].first_frame <= frame)
			s = &u->segments[k];
	if (!s || s->n_uses == 0)
		return 0;
	n = count_adjoining(&t->stack, s, u->n_segments - (size_t)(s - u->segments));
	next = s + n < u->segments + u->n_segments ? s + n : NULL;
	r = n == 1 ? collect_once(core, memo, s, t) : collect(core, s, n, &t->functions, &t->n_functions);
	if (r < 0)
		return r;
	for (size_t k = 0; k < t->n_frames; k++) {
		const struct cw_frame *f = &t->frames[k];
		uint64_t bytes = f->bytes > 0 ? (uint64_t)f->bytes * f->count : 0;

		if (f->count < 3 || f->index < s->first_frame || (next && f->index >= next->first_frame) || bytes <= most)
			continue;
		t->cycle = f;
		most = bytes;
	}
	return 0;
}
