/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Folding equal frames and cycles while the stack is being walked. Frames are equal if pc, size and trust are. A cycle is folded once it has turned three times; its first and
 * last partial turns stay single frames. While walking, a cycle counts only after RUN_LEAST frames, so that equal frames within a longer cycle are not taken for the cycle; what is given away
 * before that is searched for short runs then. What folds takes no memory; what does not is kept up to UNWIND_ITEMS_MAX items, then the middle is dropped and counted.
 */
#include "core/unwind.h"

/* Frames not yet given away, among them the last UNWIND_CYCLE_MAX * 3 that a cycle may begin in. */
#define PENDING_MAX (UNWIND_CYCLE_MAX * 6u)
#define TURNS_MIN 3u
#define RUN_LEAST (UNWIND_CYCLE_MAX * 2u)

struct fold {
	struct core *core;
	size_t n_pending;
	uint32_t run_length[UNWIND_CYCLE_MAX + 1]; /* [p]: how many last pending frames equal the one p before */

	size_t period, position;
	uint32_t turns;

	struct cw_frame *items;
	size_t n_items, allocated;
	struct cw_frame *tail;   /* ring of the last items once the head is full */
	size_t tail_start, n_tail;
	uint32_t next_index;     /* physical index of the next frame to become an item */
	uint32_t added, omitted;

	/* Large, and read only as far as they were written. */
	struct raw_frame pending[PENDING_MAX];
	struct raw_frame cycle[UNWIND_CYCLE_MAX];  /* the cycle being run through, if period > 0 */
	struct raw_frame partial[UNWIND_CYCLE_MAX]; /* frames of the turn not finished */
};

int fold_new(struct core *core, struct fold **ret_fold) {
	struct fold *f = malloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	memset(f, 0, offsetof(struct fold, pending));
	f->core = core;
	*ret_fold = f;
	return 0;
}

void fold_free(struct fold *f) {
	free(f);
}

static bool equal(const struct raw_frame *a, const struct raw_frame *b) {
	return a->pc == b->pc && a->bytes == b->bytes && a->trust == b->trust && a->signal_frame == b->signal_frame && a->exact_pc == b->exact_pc;
}

static int keep_item(struct fold *f, const struct cw_frame *item) {
	if (f->n_items < UNWIND_ITEMS_MAX) {
		if (f->n_items == f->allocated) {
			/* Mostly all that is pending is given away at once. */
			size_t more = f->allocated > 0 ? f->allocated * 2 : MAX(f->n_pending, (size_t)1);
			void *p = arena_grow(f->core->arena, f->items, f->n_items, more, sizeof(*f->items));
			if (!p)
				return -ENOMEM;
			f->items = p;
			f->allocated = more;
		}
		f->items[f->n_items++] = *item;
		return 0;
	}
	if (!f->tail) {
		f->tail = arena_alloc_array(f->core->arena, UNWIND_TAIL_ITEMS, sizeof(*f->tail));
		if (!f->tail)
			return -ENOMEM;
	}
	if (f->n_tail == UNWIND_TAIL_ITEMS) {
		const struct cw_frame *old = &f->tail[f->tail_start];

		f->omitted += old->count * (uint32_t)MAX(old->n_cycle, (size_t)1);
		f->tail_start = (f->tail_start + 1) % UNWIND_TAIL_ITEMS;
		f->n_tail--;
	}
	f->tail[(f->tail_start + f->n_tail++) % UNWIND_TAIL_ITEMS] = *item;
	return 0;
}

static struct cw_frame to_item(struct fold *f, const struct raw_frame *raw, uint32_t count) {
	return (struct cw_frame){
		.index = f->next_index, .count = count, .pc = raw->pc, .cfa = raw->cfa, .has_cfa = raw->has_cfa, .bytes = raw->bytes,
		.trust = raw->trust, .signal_frame = raw->signal_frame, .exact_pc = raw->exact_pc, .module = raw->module,
	};
}

static int emit_single(struct fold *f, const struct raw_frame *raw) {
	struct cw_frame item = to_item(f, raw, 1);

	f->next_index++;
	return keep_item(f, &item);
}

static int emit_run(struct fold *f, const struct raw_frame *frames, size_t period, uint32_t turns) {
	struct cw_frame item = to_item(f, &frames[0], turns);
	int64_t bytes = 0;

	if (period > 1) {
		struct cw_frame *cycle = arena_alloc_array(f->core->arena, period, sizeof(*cycle));

		if (!cycle)
			return -ENOMEM;
		for (size_t i = 0; i < period; i++) {
			cycle[i] = to_item(f, &frames[i], 1);
			cycle[i].index = f->next_index + (uint32_t)i;
			if (bytes < 0 || cycle[i].bytes < 0 || __builtin_add_overflow(bytes, cycle[i].bytes, &bytes))
				bytes = -1;
		}
		item.cycle = cycle;
		item.n_cycle = period;
		item.bytes = bytes;
	}
	f->next_index += turns * (uint32_t)period;
	return keep_item(f, &item);
}

/* The run that begins at frames[0] and covers most of n frames; the shortest period of those. 0: none. */
static size_t best_run(const struct raw_frame *frames, size_t n, size_t *ret_turns) {
	size_t best = 0, covered = 0;

	for (size_t p = 1; p <= UNWIND_CYCLE_MAX && p * TURNS_MIN <= n; p++) {
		size_t k = p, turns;

		while (k < n && equal(&frames[k], &frames[k - p]))
			k++;
		turns = k / p;
		if (turns >= TURNS_MIN && turns * p > covered) {
			best = p;
			covered = turns * p;
			*ret_turns = turns;
		}
	}
	return best;
}

/* Gives the first n pending frames away, folding what can be folded among them. */
static int emit_pending(struct fold *f, size_t n) {
	for (size_t i = 0; i < n;) {
		size_t turns = 0, p = f->pending[i].signal_frame ? 0 : best_run(f->pending + i, n - i, &turns);
		int r = p > 0 ? emit_run(f, f->pending + i, p, (uint32_t)turns) : emit_single(f, &f->pending[i]);

		if (r < 0)
			return r;
		i += p > 0 ? p * turns : 1;
	}
	memmove(f->pending, f->pending + n, (f->n_pending - n) * sizeof(*f->pending));
	f->n_pending -= n;
	return 0;
}

/* Puts one frame behind the pending ones; begins a run when a cycle has turned often enough. */
static int add_pending(struct fold *f, const struct raw_frame *frame) {
	size_t n, found = 0, length;
	int r;

	if (f->n_pending == PENDING_MAX) {
		r = emit_pending(f, PENDING_MAX / 2);
		if (r < 0)
			return r;
	}
	f->pending[f->n_pending++] = *frame;
	n = f->n_pending;
	for (size_t p = 1; p <= UNWIND_CYCLE_MAX && p < n; p++) {
		f->run_length[p] = equal(frame, &f->pending[n - 1 - p]) ? f->run_length[p] + 1 : 0;
		if (!found && f->run_length[p] >= MAX(p * (TURNS_MIN - 1), (size_t)RUN_LEAST))
			found = p;
	}
	if (!found || frame->signal_frame)
		return 0;
	/* The run so far ends with this frame, maybe in the midst of a turn; the frames before it go first. */
	length = MIN(f->run_length[found] + found, n);
	r = emit_pending(f, n - length);
	if (r < 0)
		return r;
	f->period = found;
	f->turns = (uint32_t)(length / found);
	f->position = length % found;
	memcpy(f->cycle, f->pending, found * sizeof(*f->cycle));
	memcpy(f->partial, f->pending + (length - f->position), f->position * sizeof(*f->partial));
	f->n_pending = 0;
	memset(f->run_length, 0, sizeof(f->run_length));
	return 0;
}

static int end_run(struct fold *f) {
	size_t rest = f->position;
	int r = emit_run(f, f->cycle, f->period, f->turns);

	if (r < 0)
		return r;
	f->period = 0;
	f->position = 0;
	for (size_t i = 0; i < rest; i++) {
		r = add_pending(f, &f->partial[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int fold_add(struct fold *f, const struct raw_frame *frame) {
	int r;

	f->added++;
	if (f->period > 0 && equal(frame, &f->cycle[f->position])) {
		f->partial[f->position++] = *frame;
		if (f->position == f->period) {
			f->position = 0;
			f->turns++;
		}
		return 0;
	}
	if (f->period > 0) {
		r = end_run(f);
		if (r < 0)
			return r;
	}
	return add_pending(f, frame);
}

int fold_finish(struct fold *f, struct cw_thread *thread) {
	int r;

	if (f->period > 0) {
		r = end_run(f);
		if (r < 0)
			return r;
	}
	r = emit_pending(f, f->n_pending);
	if (r < 0)
		return r;
	if (f->n_tail > 0) {
		struct cw_frame *all = arena_grow(f->core->arena, f->items, f->n_items, f->n_items + f->n_tail, sizeof(*all));

		if (!all)
			return -ENOMEM;
		for (size_t i = 0; i < f->n_tail; i++)
			all[f->n_items + i] = f->tail[(f->tail_start + i) % UNWIND_TAIL_ITEMS];
		f->items = all;
		f->n_items += f->n_tail;
	}
	thread->frames = f->items;
	thread->n_frames = f->n_items;
	thread->frame_count = f->added;
	thread->frames_omitted = f->omitted;
	return 0;
}
