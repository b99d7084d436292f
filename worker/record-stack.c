/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks as records: the crashed thread's frame by frame, the others' whole. What a record may hold is capped from the middle, so that both ends stay. */
#include "util/protocol.h"
#include "worker/line.h"
#include "worker/record-private.h"

static void put_bounds(struct line *l, const struct cw_stack *s) {
	static const char *const kinds[] = { "unknown", "main", "pthread", "alternate", "custom" };

	line_open(l, "bounds", '{');
	line_string(l, "kind", kinds[s->kind]);
	if (s->has_bounds) {
		line_address(l, "low", s->low);
		line_address(l, "high", s->high);
	}
	if (s->has_guard)
		line_size(l, "guard_bytes", s->guard_bytes);
	else
		line_null(l, "guard_bytes");
	if (s->has_limit && s->limit_bytes <= INT64_MAX)
		line_size(l, "limit_bytes", s->limit_bytes);
	else
		line_null(l, "limit_bytes");
	if (s->has_used)
		line_size(l, "used_bytes", s->used_bytes);
	else
		line_null(l, "used_bytes");
	line_address(l, "sp", s->sp);
	line_string(l, "source", s->source);
	line_close(l, '}');
}

static void put_use(struct line *l, const struct cw_stack_use *use) {
	static const char *const kinds[] = { "signal-frame", "static-tls", "thread-control", "arguments", "strings" };

	if (!use->known)
		return;
	line_open(l, "use", '{');
	line_size(l, "frames_bytes", use->frames_bytes);
	line_open(l, "parts", '[');
	for (size_t i = 0; i < use->n_parts; i++) {
		const struct cw_stack_part *p = &use->parts[i];

		line_open(l, NULL, '{');
		line_string(l, "kind", kinds[p->kind]);
		line_address(l, "start", p->start);
		line_size(l, "bytes", p->bytes);
		if (p->module) {
			line_string(l, "module", p->module->path);
			line_size(l, "module_bytes", p->module_bytes);
		}
		line_close(l, '}');
	}
	line_close(l, ']');
	line_size(l, "unaccounted_bytes", use->unaccounted_bytes);
	line_close(l, '}');
}

static const char *frame_name(const struct cw_frame *f, char *buffer, size_t size) {
	const char *slash;

	if (f->symbol && f->symbol->at.function)
		return f->symbol->at.function;
	if (!f->module)
		return NULL;
	slash = strrchr(f->module->path, '/');
	snprintf(buffer, size, "%s+0x%llx", slash ? slash + 1 : f->module->path, (unsigned long long)(f->pc - f->module->bias));
	return buffer;
}

static void put_location(struct line *l, const struct cw_location *at) {
	line_string(l, "file", at->file);
	if (at->line > 0)
		line_integer(l, "line", at->line);
}

static void put_inlined(struct line *l, const struct cw_symbol *symbol) {
	if (symbol->n_inlined == 0)
		return;
	line_open(l, "inlined", '[');
	for (size_t i = 0; i < symbol->n_inlined; i++) {
		line_open(l, NULL, '{');
		line_string(l, "function", symbol->inlined[i].function ?: "??");
		put_location(l, &symbol->inlined[i]);
		line_close(l, '}');
	}
	line_close(l, ']');
}

/*
 * What is the same for every frame at one pc: two hundred threads of a pool stand in the same few places. By pc; a later
 * one takes the place of an earlier one.
 */
#define PLACES 256u

struct place {
	uint64_t pc;
	const struct cw_symbol *symbol;
	size_t at, n;          /* in texts; n is 0 in an empty slot */
	int64_t bytes;         /* of the frame whose end was written last */
	enum cw_trust trust;
	size_t end_at, end_n;  /* in texts; 0: none yet */
};

/* Where stacks are written. */
struct stacks {
	struct line line;      /* the record being written */
	struct line texts;     /* of places, one after the other */
	struct place places[PLACES];
	struct line functions; /* of the last thread: those of a pool share them */
	const struct cw_function_use *functions_of;
};

static void put_frame(struct stacks *s, const struct cw_frame *f);

static void put_place(struct line *l, const struct cw_frame *f) {
	char buffer[300];

	line_string(l, "function", frame_name(f, buffer, sizeof(buffer)));
	if (f->symbol) {
		put_location(l, &f->symbol->at);
		if (f->symbol->at.column > 0)
			line_integer(l, "column", f->symbol->at.column);
		put_inlined(l, f->symbol);
	}
	if (f->module) {
		line_string(l, "module", f->module->path);
		line_address(l, "offset", f->pc - f->module->bias);
	}
	line_address(l, "pc", f->pc);
}

static struct place *put_known_place(struct stacks *s, const struct cw_frame *f) {
	struct place *p = &s->places[(f->pc ^ f->pc >> 8 ^ f->pc >> 16) % PLACES];

	if (p->n == 0 || p->pc != f->pc || p->symbol != f->symbol) {
		size_t at = s->texts.n;

		put_place(&s->texts, f);
		*p = (struct place){ .pc = f->pc, .symbol = f->symbol, .at = at, .n = s->texts.n - at };
	}
	s->line.failed |= s->texts.failed;
	if (!s->line.failed)
		line_members(&s->line, s->texts.bytes + p->at, p->n);
	return p;
}

/* The functions of one turn, and the turn that lies deepest frame by frame. */
static void put_turn(struct stacks *s, const struct cw_frame *f) {
	struct line *l = &s->line;
	char buffer[300];

	line_open(l, "cycle", '[');
	for (size_t i = 0; i < f->n_cycle; i++)
		line_string(l, NULL, frame_name(&f->cycle[i], buffer, sizeof(buffer)) ?: "??");
	line_close(l, ']');
	line_open(l, "turn", '[');
	for (size_t i = 0; i < f->n_cycle; i++) {
		line_open(l, NULL, '{');
		put_frame(s, &f->cycle[i]);
		line_close(l, '}');
	}
	line_close(l, ']');
}

static void put_trust(struct line *l, const struct cw_frame *f) {
	static const char *const trusts[] = { "context", "cfi", "frame-pointer", "scan" };

	line_string(l, "trust", trusts[f->trust]);
}

/* What most frames end with, and alike at one place. */
static void put_plain_end(struct stacks *s, struct place *p, const struct cw_frame *f) {
	if (p->end_n == 0 || p->bytes != f->bytes || p->trust != f->trust) {
		size_t at = s->texts.n;

		line_integer(&s->texts, "bytes", f->bytes);
		line_integer(&s->texts, "count", 1);
		put_trust(&s->texts, f);
		p->bytes = f->bytes;
		p->trust = f->trust;
		p->end_at = at;
		p->end_n = s->texts.n - at;
	}
	s->line.failed |= s->texts.failed;
	if (!s->line.failed)
		line_members(&s->line, s->texts.bytes + p->end_at, p->end_n);
}

static void put_frame(struct stacks *s, const struct cw_frame *f) {
	struct line *l = &s->line;
	struct place *p;

	line_integer(l, "index", f->index);
	p = put_known_place(s, f);
	if (f->has_cfa)
		line_address(l, "cfa", f->cfa);
	if (f->bytes >= 0 && f->count == 1 && f->n_cycle == 0 && !f->signal_frame) {
		put_plain_end(s, p, f);
		return;
	}
	if (f->bytes >= 0)
		line_integer(l, "bytes", f->bytes);
	else
		line_null(l, "bytes");
	line_integer(l, "count", f->count);
	if (f->n_cycle > 0)
		put_turn(s, f);
	if (f->signal_frame)
		line_boolean(l, "signal_frame", true);
	put_trust(l, f);
}

static void put_functions(struct line *l, const struct cw_thread *t) {
	l->n = 0;
	line_open(l, "by_function", '[');
	for (size_t i = 0; i < t->n_functions; i++) {
		const struct cw_function_use *u = &t->functions[i];

		line_open(l, NULL, '{');
		line_string(l, "function", u->function);
		line_string(l, "module", u->module ? u->module->path : NULL);
		line_size(l, "count", u->count);
		line_size(l, "bytes", u->bytes);
		line_size(l, "largest_frame_bytes", u->largest_frame_bytes);
		line_close(l, '}');
	}
	line_close(l, ']');
}

static void put_known_functions(struct stacks *s, const struct cw_thread *t) {
	if (!s->functions_of || s->functions_of != t->functions)
		put_functions(&s->functions, t);
	s->functions_of = t->functions;
	s->line.failed |= s->functions.failed;
	if (!s->line.failed)
		line_members(&s->line, s->functions.bytes, s->functions.n);
}

static void put_cycle(struct line *l, const struct cw_thread *t) {
	const struct cw_frame *c = t->cycle;
	char buffer[300];

	if (!c) {
		line_null(l, "cycle");
		return;
	}
	line_open(l, "cycle", '{');
	line_open(l, "functions", '[');
	for (size_t i = 0; i < MAX(c->n_cycle, (size_t)1); i++)
		line_string(l, NULL, frame_name(c->n_cycle > 0 ? &c->cycle[i] : c, buffer, sizeof(buffer)) ?: "??");
	line_close(l, ']');
	line_integer(l, "count", c->count);
	line_integer(l, "bytes", MAX(c->bytes, INT64_C(0)));
	line_close(l, '}');
}

static uint64_t physical(const struct cw_frame *f) {
	return (uint64_t)f->count * MAX(f->n_cycle, (size_t)1);
}

/* Which items fit: all, or the first three quarters and the last quarter of max. Returns the physical frames left out. */
static uint64_t cap_items(const struct cw_thread *t, size_t max, size_t *ret_head, size_t *ret_tail) {
	uint64_t omitted = t->frames_omitted;

	*ret_head = t->n_frames;
	*ret_tail = 0;
	if (t->n_frames > max) {
		*ret_head = max - max / 4;
		*ret_tail = max / 4;
		for (size_t i = *ret_head; i < t->n_frames - *ret_tail; i++)
			omitted += physical(&t->frames[i]);
	}
	return omitted;
}

static void put_stack(struct stacks *s, const struct cw_thread *t, uint64_t omitted) {
	struct line *l = &s->line;

	put_bounds(l, &t->stack);
	put_use(l, &t->use);
	line_integer(l, "frame_count", t->frame_count);
	line_boolean(l, "complete", t->complete);
	line_string(l, "stop_reason", t->stop_reason);
	if (omitted > 0)
		line_size(l, "frames_omitted", omitted);
	put_known_functions(s, t);
	put_cycle(l, t);
}

static void record_crashed(struct recorder *recorder, struct stacks *s, const struct cw_thread *t) {
	size_t head, tail;

	record_line_new(&s->line, "stack");
	put_stack(s, t, cap_items(t, RECORD_MAX_FRAMES, &head, &tail));
	record_put_line(recorder, &s->line);
	for (size_t i = 0; i < t->n_frames; i++) {
		if (i >= head && i < t->n_frames - tail)
			continue;
		record_line_new(&s->line, "frame");
		put_frame(s, &t->frames[i]);
		record_put_line(recorder, &s->line);
	}
}

static void put_other_stack(struct stacks *s, const struct cw_thread *t) {
	struct line *l = &s->line;
	size_t head, tail;

	line_open(l, "stack", '{');
	put_stack(s, t, cap_items(t, RECORD_MAX_THREAD_FRAMES, &head, &tail));
	line_open(l, "frames", '[');
	for (size_t i = 0; i < t->n_frames; i++) {
		if (i >= head && i < t->n_frames - tail)
			continue;
		line_open(l, NULL, '{');
		put_frame(s, &t->frames[i]);
		line_close(l, '}');
	}
	line_close(l, ']');
	line_close(l, '}');
}

static void record_thread(struct recorder *recorder, struct stacks *s, const struct cw_thread *t) {
	struct line *l = &s->line;

	record_line_new(l, "thread");
	line_integer(l, "id", t->id);
	if (t->name)
		line_string(l, "name", t->name);
	else
		line_null(l, "name");
	line_boolean(l, "crashed", t->crashed);
	if (!t->crashed)
		put_other_stack(s, t);
	record_put_line(recorder, l);
}

void record_stacks(struct recorder *recorder, const struct core *core) {
	struct stacks s = { .line = { .bytes = NULL } };

	record_crashed(recorder, &s, core->pub.crashed);
	for (size_t i = 0; i < MIN(core->pub.n_threads, (size_t)RECORD_MAX_THREADS); i++)
		record_thread(recorder, &s, &core->pub.threads[i]);
	line_free(&s.line);
	line_free(&s.texts);
	line_free(&s.functions);
}
