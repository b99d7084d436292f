/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks as records: the crashed thread's frame by frame, the others' whole. What a record may hold is capped from the middle, so that both ends stay. */
#include "util/protocol.h"
#include "worker/record-frames.h"
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

/* Where stacks are written. */
struct stacks {
	struct line line;      /* the record being written */
	struct frame_writer frames;
	struct line functions; /* of the last thread: those of a pool share them */
	const struct cw_function_use *functions_of;
};

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
		line_string(l, NULL, record_frame_name(c->n_cycle > 0 ? &c->cycle[i] : c, buffer, sizeof(buffer)) ?: "??");
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
		record_put_frame(&s->frames, &s->line, &t->frames[i]);
		record_put_line(recorder, &s->line);
	}
}

static void put_other_stack(struct stacks *s, const struct cw_thread *t) {
	struct line *l = &s->line;
	size_t head, tail;

	line_open(l, "stack", '{');
	put_stack(s, t, cap_items(t, RECORD_MAX_THREAD_FRAMES, &head, &tail));
	record_put_frames(&s->frames, l, t, head, tail);
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
	record_frames_done(&s.frames);
	line_free(&s.functions);
}
