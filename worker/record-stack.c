/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks as records: the crashed thread's frame by frame, the others' whole. What a record may hold is capped from the middle, so that both ends stay. */
#include "util/protocol.h"
#include "worker/record-private.h"

static json_object *bounds_object(const struct cw_stack *s) {
	static const char *const kinds[] = { "unknown", "main", "pthread", "alternate", "custom" };
	json_object *o = json_object_new_object();

	put_string(o, "kind", kinds[s->kind]);
	if (s->has_bounds) {
		put_address(o, "low", s->low);
		put_address(o, "high", s->high);
	}
	json_object_object_add(o, "guard_bytes", s->has_guard ? json_object_new_int64((int64_t)MIN(s->guard_bytes, (uint64_t)INT64_MAX)) : NULL);
	if (s->has_limit && s->limit_bytes <= INT64_MAX)
		put_size(o, "limit_bytes", s->limit_bytes);
	else
		put_null(o, "limit_bytes");
	if (s->has_used)
		put_size(o, "used_bytes", s->used_bytes);
	else
		put_null(o, "used_bytes");
	put_address(o, "sp", s->sp);
	put_string(o, "source", s->source);
	return o;
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

static void put_location(json_object *o, const struct cw_location *l) {
	put_string(o, "file", l->file);
	if (l->line > 0)
		put_integer(o, "line", l->line);
}

static void put_inlined(json_object *o, const struct cw_symbol *symbol) {
	json_object *array;

	if (symbol->n_inlined == 0)
		return;
	array = json_object_new_array();
	for (size_t i = 0; i < symbol->n_inlined; i++) {
		json_object *p = json_object_new_object();

		put_string(p, "function", symbol->inlined[i].function ?: "??");
		put_location(p, &symbol->inlined[i]);
		json_object_array_add(array, p);
	}
	json_object_object_add(o, "inlined", array);
}

static void put_frame(json_object *o, const struct cw_frame *f) {
	static const char *const trusts[] = { "context", "cfi", "frame-pointer", "scan" };
	char buffer[300];

	put_integer(o, "index", f->index);
	put_string(o, "function", frame_name(f, buffer, sizeof(buffer)));
	if (f->symbol) {
		put_location(o, &f->symbol->at);
		if (f->symbol->at.column > 0)
			put_integer(o, "column", f->symbol->at.column);
		put_inlined(o, f->symbol);
	}
	if (f->module) {
		put_string(o, "module", f->module->path);
		put_address(o, "offset", f->pc - f->module->bias);
	}
	put_address(o, "pc", f->pc);
	if (f->has_cfa)
		put_address(o, "cfa", f->cfa);
	if (f->bytes >= 0)
		put_integer(o, "bytes", f->bytes);
	else
		put_null(o, "bytes");
	put_integer(o, "count", f->count);
	if (f->n_cycle > 0) {
		json_object *cycle = json_object_new_array(), *turn = json_object_new_array();

		for (size_t i = 0; i < f->n_cycle; i++) {
			json_object *p = json_object_new_object();

			json_object_array_add(cycle, json_object_new_string(frame_name(&f->cycle[i], buffer, sizeof(buffer)) ?: "??"));
			put_frame(p, &f->cycle[i]);
			json_object_array_add(turn, p);
		}
		json_object_object_add(o, "cycle", cycle);
		json_object_object_add(o, "turn", turn);
	}
	if (f->signal_frame)
		json_object_object_add(o, "signal_frame", json_object_new_boolean(1));
	put_string(o, "trust", trusts[f->trust]);
}

static json_object *functions_array(const struct cw_thread *t) {
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < t->n_functions; i++) {
		const struct cw_function_use *u = &t->functions[i];
		json_object *o = json_object_new_object();

		put_string(o, "function", u->function);
		put_string(o, "module", u->module ? u->module->path : NULL);
		put_size(o, "count", u->count);
		put_size(o, "bytes", u->bytes);
		put_size(o, "largest_frame_bytes", u->largest_frame_bytes);
		json_object_array_add(array, o);
	}
	return array;
}

static json_object *cycle_object(const struct cw_thread *t) {
	const struct cw_frame *c = t->cycle;
	json_object *o, *functions;
	char buffer[300];

	if (!c)
		return NULL;
	o = json_object_new_object();
	functions = json_object_new_array();
	for (size_t i = 0; i < MAX(c->n_cycle, (size_t)1); i++)
		json_object_array_add(functions, json_object_new_string(
			frame_name(c->n_cycle > 0 ? &c->cycle[i] : c, buffer, sizeof(buffer)) ?: "??"));
	json_object_object_add(o, "functions", functions);
	put_integer(o, "count", c->count);
	put_integer(o, "bytes", MAX(c->bytes, INT64_C(0)));
	return o;
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

static void put_stack(json_object *o, const struct cw_thread *t, uint64_t omitted) {
	json_object_object_add(o, "bounds", bounds_object(&t->stack));
	put_integer(o, "frame_count", t->frame_count);
	json_object_object_add(o, "complete", json_object_new_boolean(t->complete));
	put_string(o, "stop_reason", t->stop_reason);
	if (omitted > 0)
		put_size(o, "frames_omitted", omitted);
	json_object_object_add(o, "by_function", functions_array(t));
	json_object_object_add(o, "cycle", cycle_object(t));
}

static void record_crashed(struct recorder *recorder, const struct cw_thread *t) {
	json_object *o = record_new("stack");
	size_t head, tail;

	put_stack(o, t, cap_items(t, RECORD_MAX_FRAMES, &head, &tail));
	record_put(recorder, o);
	for (size_t i = 0; i < t->n_frames; i++) {
		if (i >= head && i < t->n_frames - tail)
			continue;
		o = record_new("frame");
		put_frame(o, &t->frames[i]);
		record_put(recorder, o);
	}
}

static void record_thread(struct recorder *recorder, const struct cw_thread *t) {
	json_object *o = record_new("thread");

	put_integer(o, "id", t->id);
	json_object_object_add(o, "name", t->name ? json_object_new_string(t->name) : NULL);
	json_object_object_add(o, "crashed", json_object_new_boolean(t->crashed));
	if (!t->crashed) {
		json_object *stack = json_object_new_object(), *frames = json_object_new_array();
		size_t head, tail;

		put_stack(stack, t, cap_items(t, RECORD_MAX_THREAD_FRAMES, &head, &tail));
		for (size_t i = 0; i < t->n_frames; i++) {
			json_object *f;

			if (i >= head && i < t->n_frames - tail)
				continue;
			f = json_object_new_object();
			put_frame(f, &t->frames[i]);
			json_object_array_add(frames, f);
		}
		json_object_object_add(stack, "frames", frames);
		json_object_object_add(o, "stack", stack);
	}
	record_put(recorder, o);
}

void record_stacks(struct recorder *recorder, const struct core *core) {
	record_crashed(recorder, core->pub.crashed);
	for (size_t i = 0; i < MIN(core->pub.n_threads, (size_t)RECORD_MAX_THREADS); i++)
		record_thread(recorder, &core->pub.threads[i]);
}
