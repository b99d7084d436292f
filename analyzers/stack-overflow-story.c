/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What took the stack: recursion, one large frame, a long chain, or only a signal frame; and which function of the program's own to change. */
#include "stack-overflow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many calls of one function on one stack are recursion even where they do not repeat in a fixed pattern. */
#define IRREGULAR_CALLS 16

bool is_runtime_frame(const struct cw_frame *f) {
	if (!f->module || words_is_system(f->module))
		return true;
	/* Without a name it is at least the program's own file. */
	return f->symbol && f->symbol->at.function && !words_own_location(f->symbol);
}

/* The own function that was inlined into a runtime's is the one to name. */
static const char *function_of(const struct cw_frame *f) {
	const struct cw_location *own = f->symbol && !words_is_own(&f->symbol->at) ? words_own_location(f->symbol) : NULL;

	return own ? own->function : f->symbol ? f->symbol->at.function : NULL;
}

/* The nearest frame outwards from item i (i included) that is the program's own. */
static const struct cw_frame *own_frame_from(const struct cw_thread *t, size_t i) {
	for (; i < t->n_frames; i++) {
		const struct cw_frame *f = &t->frames[i];

		if (f->n_cycle > 0) {
			for (size_t k = 0; k < f->n_cycle; k++)
				if (!is_runtime_frame(&f->cycle[k]))
					return &f->cycle[k];
		} else if (!f->signal_frame && !is_runtime_frame(f)) {
			return f;
		}
	}
	return NULL;
}

static void set_place(const struct cw_core *core, struct overflow_story *s, const struct cw_module *m, uint64_t pc) {
	if (!m)
		return;
	s->place = cw_format(core, "%s+0x%" PRIx64, words_base_name(m->path), pc - m->bias);
	if (!s->where)
		s->where = cw_format(core, "the code at 0x%" PRIx64 " in %s", pc - m->bias, words_base_name(m->path));
	s->language = m->language;
	s->optimized = m->optimized;
}

static void set_culprit(const struct cw_core *core, struct overflow_story *s, const struct cw_frame *f) {
	s->culprit_frame = f;
	if (!f)
		return;
	s->culprit = function_of(f) ? words_bare(core, function_of(f)) : NULL;
	s->where = s->culprit ? cw_format(core, "%s()", s->culprit) : NULL;
	set_place(core, s, f->module, f->pc);
}

/* Of a cycle, the program's own function that was called first: the frame just inside whatever called into the cycle. */
static const struct cw_frame *cycle_entry(const struct cw_thread *t, const struct cw_frame *c) {
	size_t n = c->n_cycle > 0 ? c->n_cycle : 1, index = (size_t)(c - t->frames), outer = index + 1;
	const struct cw_frame *members = c->n_cycle > 0 ? c->cycle : c, *best = NULL;

	/* Frames of an unfinished first turn lie outside of the folded item. */
	while (outer < t->n_frames && t->frames[outer].n_cycle == 0) {
		bool member = false;

		for (size_t k = 0; k < n && !member; k++)
			member = t->frames[outer].symbol && t->frames[outer].symbol->start != 0 && members[k].symbol &&
				 members[k].symbol->start == t->frames[outer].symbol->start;
		if (!member)
			break;
		if (!is_runtime_frame(&t->frames[outer]))
			best = &t->frames[outer];
		outer++;
	}
	if (best)
		return best;
	for (size_t k = n; k-- > 0;)
		if (!is_runtime_frame(&members[k]))
			return &members[k];
	return own_frame_from(t, index + 1);
}

/* Where the culprit only called into the cycle, the cycle's outermost function is what recursed. */
static void set_recursing(const struct cw_core *core, struct overflow_story *s, const struct cw_frame *c) {
	size_t n = c->n_cycle > 0 ? c->n_cycle : 1;
	const struct cw_frame *members = c->n_cycle > 0 ? c->cycle : c;

	for (size_t k = 0; k < n; k++)
		if (&members[k] == s->culprit_frame || (s->culprit_frame && members[k].symbol && s->culprit_frame->symbol &&
		    members[k].symbol->start != 0 && members[k].symbol->start == s->culprit_frame->symbol->start))
			return;
	s->recursing = members[n - 1].symbol ? words_bare(core, members[n - 1].symbol->at.function) : NULL;
}

/* Recursion that follows no fixed pattern (two call sites, a parser): functions that are on the stack again and again. */
static const struct cw_function_use *irregular(const struct cw_thread *t, uint64_t used) {
	const struct cw_function_use *best = NULL;
	uint64_t sum = 0;

	for (size_t i = 0; i < t->n_functions; i++) {
		if (t->functions[i].count < IRREGULAR_CALLS)
			continue;
		sum += t->functions[i].bytes;
		if (!best || t->functions[i].count > best->count)
			best = &t->functions[i];
	}
	return best && sum >= used / 2 ? best : NULL;
}

static bool explain_recursion(const struct cw_core *core, const struct overflow *o, struct overflow_story *s) {
	const struct cw_thread *t = core->crashed;
	const struct cw_frame *c = t->cycle;
	const struct cw_function_use *u;

	if (c && c->bytes > 0 && (uint64_t)c->bytes * c->count >= o->used_bytes / 2) {
		set_culprit(core, s, cycle_entry(t, c));
		set_recursing(core, s, c);
		s->kind = OVERFLOW_RECURSION;
		s->turns = c->count;
		s->culprit_bytes = (uint64_t)c->bytes;
		return true;
	}
	u = irregular(t, o->used_bytes);
	if (!u)
		return false;
	s->kind = OVERFLOW_RECURSION;
	s->turns = u->count;
	s->culprit_bytes = u->bytes / u->count;
	for (size_t i = t->n_frames; i-- > 0;) {
		const struct cw_frame *f = &t->frames[i];

		/* The outermost of the functions that repeat is the way in. */
		if (!f->symbol || !f->symbol->at.function || is_runtime_frame(f))
			continue;
		for (size_t k = 0; k < t->n_functions; k++)
			if (t->functions[k].count >= IRREGULAR_CALLS && strcmp(t->functions[k].function, f->symbol->at.function) == 0) {
				set_culprit(core, s, f);
				return true;
			}
	}
	for (size_t i = 0; i < t->n_frames; i++)
		if (t->frames[i].index >= core->fault->frame_index) {
			set_culprit(core, s, own_frame_from(t, i));
			break;
		}
	return true;
}

/* Older Rust has functions make room for large frames by a call: what that took is its caller's. */
static bool is_probe(const struct cw_frame *f) {
	return f->symbol && f->symbol->at.function && strcmp(f->symbol->at.function, "__rust_probestack") == 0;
}

/* The item that begins with, or holds, the frame that faulted. */
static const struct cw_frame *faulting_frame(const struct cw_core *core) {
	const struct cw_thread *t = core->crashed;

	for (size_t i = 0; i < t->n_frames; i++)
		if (t->frames[i].index == core->fault->frame_index)
			return &t->frames[i + (i + 1 < t->n_frames && is_probe(&t->frames[i]))];
	return NULL;
}

/* The largest frame of the stack, and the largest of the program's own; what the innermost one still wanted counts. */
static const struct cw_frame *find_largest(const struct cw_core *core, struct overflow_story *s, uint64_t *ret_own_bytes) {
	const struct cw_thread *t = core->crashed;
	const struct cw_frame *inner = faulting_frame(core), *own = NULL;
	uint64_t wanted = inner ? overflow_wanted_bytes(core, inner) : 0, own_bytes = 0;

	for (size_t i = 0; i < t->n_frames; i++) {
		const struct cw_frame *f = &t->frames[i];
		size_t n = f->n_cycle > 0 ? f->n_cycle : 1;

		for (size_t k = 0; k < n; k++) {
			const struct cw_frame *g = f->n_cycle > 0 ? &f->cycle[k] : f;
			uint64_t bytes = g->bytes > 0 ? (uint64_t)g->bytes : 0;

			if (f->index < core->fault->frame_index || f->signal_frame || is_probe(g))
				continue;
			if (f == inner && wanted > bytes) {
				bytes = wanted;
				s->wanted = true;
				s->wanted_bytes = wanted;
			}
			if (bytes > s->largest_bytes) {
				s->largest_bytes = bytes;
				s->largest = function_of(g) ? words_bare(core, function_of(g)) : NULL;
			}
			if (bytes > own_bytes && !is_runtime_frame(g)) {
				own_bytes = bytes;
				own = g;
			}
		}
	}
	*ret_own_bytes = own_bytes;
	return own;
}

/* Frames as a debugger lists them, with what was inlined, from the fault on. */
static uint64_t count_frames(const struct cw_core *core) {
	const struct cw_thread *t = core->crashed;
	uint64_t n = 0;

	for (size_t i = 0; i < t->n_frames; i++) {
		const struct cw_frame *f = &t->frames[i];
		uint64_t turn = 0;

		if (f->index < core->fault->frame_index)
			continue;
		for (size_t k = 0; k < (f->n_cycle > 0 ? f->n_cycle : 1); k++) {
			const struct cw_symbol *s = f->n_cycle > 0 ? f->cycle[k].symbol : f->symbol;
			turn += 1 + (s ? s->n_inlined : 0);
		}
		n += turn * f->count;
	}
	return n + t->frames_omitted;
}

/* Bytes above the outermost frame of a thread: its static TLS and the C library's own data. */
static uint64_t reserved_bytes(const struct cw_core *core) {
	const struct cw_thread *t = core->crashed;
	const struct cw_frame *last = t->complete && t->n_frames > 0 ? &t->frames[t->n_frames - 1] : NULL;

	if (!last || !last->has_cfa || t->stack.kind != CW_STACK_PTHREAD || last->cfa <= t->stack.low || last->cfa > t->stack.high)
		return 0;
	return t->stack.high - last->cfa;
}

static const struct cw_stack_part *find_tls(const struct cw_stack_use *use) {
	for (size_t i = 0; i < use->n_parts; i++)
		if (use->parts[i].kind == CW_PART_STATIC_TLS)
			return &use->parts[i];
	return NULL;
}

/* The core does not hold the stack (coredump_filter, or it was cut): what is left is the code of the function that ran
 * last. If it can get back to itself, and its frame is small, recursion is what filled the stack. */
static bool explain_by_code(const struct cw_core *core, const struct overflow *o, struct overflow_story *s, const struct cw_frame *inner) {
	uint64_t bytes = inner && inner->bytes > 0 ? (uint64_t)inner->bytes : 0;

	if (core->crashed->complete || s->accounted >= o->used_bytes / 2 || !inner || !inner->symbol)
		return false;
	s->unseen = true;
	if (!overflow_calls_itself(core, inner->symbol))
		return false;
	set_culprit(core, s, inner);
	s->kind = OVERFLOW_RECURSION;
	s->by_code = true;
	s->culprit_bytes = bytes;
	s->turns = bytes > 0 ? o->used_bytes / bytes : 0;
	return true;
}

/* Frames end early, or are guesses: what stands on the stack in step is none. */
static bool explain_by_repeat(const struct cw_core *core, const struct overflow *o, struct overflow_story *s) {
	const struct cw_symbol *symbol;

	if (s->accounted >= o->used_bytes / 2 || !overflow_find_repeat(core, o->used_bytes, &s->repeat))
		return false;
	symbol = cw_symbolize(core, s->repeat.address, false);
	s->kind = OVERFLOW_RECURSION;
	s->turns = s->repeat.turns;
	s->culprit_bytes = s->repeat.step;
	s->culprit = symbol && symbol->at.function ? words_bare(core, symbol->at.function) : NULL;
	s->where = s->culprit ? cw_format(core, "%s()", s->culprit) : NULL;
	set_place(core, s, cw_find_module(core, s->repeat.address), s->repeat.address);
	return true;
}

void overflow_explain(const struct cw_core *core, const struct overflow *o, struct overflow_story *ret) {
	struct overflow_story s = { .kind = OVERFLOW_DEEP_CHAIN, .optimized = -1 };
	const struct cw_fault *f = core->fault;
	const struct cw_stack *stack = &core->crashed->stack;
	uint64_t own_bytes = 0, usable;
	const struct cw_frame *own = find_largest(core, &s, &own_bytes), *inner = faulting_frame(core);

	s.frames = count_frames(core);
	for (size_t i = 0; i < core->crashed->n_functions; i++)
		s.accounted += core->crashed->functions[i].bytes;
	s.reserved = reserved_bytes(core);
	s.tls = find_tls(&core->crashed->use);
	usable = o->stack_bytes > s.reserved ? o->stack_bytes - s.reserved : 0;
	if (own_bytes < usable / 2 && (explain_recursion(core, o, &s) || explain_by_repeat(core, o, &s) || explain_by_code(core, o, &s, inner))) {
		*ret = s;
		return;
	}
	/* A large frame that did not fit is the one to change, even if one that did is a little larger. */
	if (s.wanted && inner && !is_runtime_frame(inner) && s.wanted_bytes >= own_bytes / 2) {
		own = inner;
		own_bytes = s.wanted_bytes;
	}
	set_culprit(core, &s, own);
	s.culprit_bytes = own_bytes;
	if (usable > 0 && own_bytes >= usable / 2) {
		s.kind = OVERFLOW_LARGE_FRAME;
	} else if (f->cause == CW_CAUSE_SIGNAL_UNDELIVERABLE && f->instruction && stack->has_bounds && f->sp >= stack->low) {
		bool beyond = false;

		for (size_t i = 0; i < f->instruction->n_operands; i++) {
			const struct cw_operand *p = &f->instruction->operands[i];
			beyond |= p->has_address && p->address < stack->low && stack->low - p->address < UINT64_C(1) << 30;
		}
		if (!beyond)
			s.kind = OVERFLOW_SIGNAL_DELIVERY;
	}
	*ret = s;
}
