/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loop: one frame after the other until the outermost, or until nothing more can be said. See unwind.h; the ways of finding a caller are in unwind-step.c. */
#include "core/unwind-private.h"

/* A corrupt stack may look like frames for ever: each must lie above the one before, so the stack's size bounds the depth. This is the last resort. */
/* A frame larger than the largest stack is none: a register that the CFA is computed from was overwritten. */
#define FRAME_BYTES_MAX GIB(64)
#define FRAMES_MAX (64u << 20)
/* Frames that keep nothing on the stack. */
#define FRAMES_SLACK 8192u
/* A signal frame (or Go's runtime) may lead anywhere, back to itself too. Handlers within handlers go two or three deep, a handler that faults again and again some thousand. */
#define SIGNAL_FRAMES_MAX 4096u

static int new_segment(struct walk *w) {
	struct unwind_thread *u = w->out;

	if (u->n_segments == UNWIND_SEGMENTS_MAX)
		return 0;
	u->segments[u->n_segments++] = (struct stack_segment){ .first_frame = w->index };
	return 0;
}

static int add_frame(struct walk *w, const struct raw_frame *frame) {
	int r = fold_add(w->fold, frame);

	if (r < 0)
		return r;
	r = segment_add(w->core, &w->out->segments[w->out->n_segments - 1], frame);
	w->index++;
	return r;
}

static void remember_signal(struct walk *w, const struct step *step) {
	struct unwind_thread *u = w->out;
	struct signal_context *s;

	if (u->n_signals == UNWIND_SIGNALS_MAX)
		return;
	s = &u->signals[u->n_signals++];
	s->frame_index = w->index;
	s->siginfo = step->siginfo;
	s->ucontext = step->ucontext;
	memcpy(s->registers, w->registers, sizeof(s->registers));
	memcpy(s->registers, step->next.registers, w->core->arch->n_registers * sizeof(uint64_t));
	/* What a signal frame does not hold (segment bases) has not changed since. */
	for (size_t i = 0; i < w->core->arch->n_registers; i++)
		if (!(step->next.valid >> i & 1))
			s->registers[i] = w->registers[i];
}

/* Whether the step goes on to another stack: its size then says nothing. */
static bool switches_stack(struct walk *w, const struct step *step) {
	uint64_t sp = w->registers[w->core->arch->sp], next = step->next.registers[w->core->arch->sp];
	const struct cw_mapping *here, *there;

	if (step->switched)
		return true;
	if (!step->signal_frame)
		return false;
	if (next <= sp)
		return true;
	if (step->alt_size > 0 && sp - step->alt_low < step->alt_size)
		return next - step->alt_low >= step->alt_size;
	here = core_find_mapping(w->core, sp);
	there = core_find_mapping(w->core, next);
	return here && there && here != there && !(here->end == there->start);
}

static int one_frame(struct walk *w, bool *ret_more) {
	const struct arch *arch = w->core->arch;
	uint64_t sp = w->registers[arch->sp];
	struct raw_frame frame = { .pc = w->registers[arch->pc], .trust = w->trust, .exact_pc = w->exact, .bytes = -1 };
	struct step step = {};
	bool switches;
	int r;

	*ret_more = false;
	r = unwind_step(w, &step);
	if (r == -ENOMEM)
		return r;
	frame.module = w->place->shown;
	frame.signal_frame = step.signal_frame;
	frame.exact_pc |= step.signal_frame || step.exact_self; /* the trampoline was returned to by the handler, not called by it */
	switches = r >= 0 && switches_stack(w, &step);
	if (step.has_cfa) {
		frame.cfa = step.cfa;
		frame.has_cfa = true;
		if (step.cfa >= sp && step.cfa - sp <= FRAME_BYTES_MAX && !switches)
			frame.bytes = (int64_t)(step.cfa - sp);
	}
	if (r < 0) {
		w->thread->stop_reason = step.reason;
		return add_frame(w, &frame);
	}
	if (step.outermost) {
		w->thread->complete = true;
		return add_frame(w, &frame);
	}
	if (step.signal_frame)
		remember_signal(w, &step);
	r = add_frame(w, &frame);
	if (r < 0)
		return r;
	if ((step.signal_frame || step.switched) && ++w->signal_frames > SIGNAL_FRAMES_MAX) {
		w->thread->stop_reason = "more signal frames and changes of stack than any program nests: they lead round in a ring";
		return 0;
	}
	/* Frames grow towards higher addresses; only a signal frame may lead to another stack. With a link register the innermost need not take any. */
	if (!step.signal_frame && !step.switched && step.next.registers[arch->sp] <= sp && !(arch->lr >= 0 && w->exact && step.next.registers[arch->sp] == sp)) {
		w->thread->stop_reason = arena_printf(w->core->arena, "the caller's frame (SP 0x%llx) does not lie above its callee's (SP 0x%llx): the stack is corrupt or switched by the program",
		                                      (unsigned long long)step.next.registers[arch->sp], (unsigned long long)sp);
		return 0;
	}
	if (step.signal_frame || switches) {
		r = new_segment(w);
		if (r < 0)
			return r;
	}
	memcpy(w->registers, step.next.registers, sizeof(w->registers));
	w->valid = step.next.valid;
	w->trust = step.trust;
	w->exact = step.signal_frame || step.exact_caller;
	*ret_more = true;
	return 0;
}

/* A frame takes a word of stack at least: what the core stores bounds the depth, whatever forged call frame information says. */
static uint32_t frames_max(struct core *core) {
	uint64_t stored = 0;

	if (core->frames_max > 0)
		return core->frames_max;
	core->frames_max = FRAMES_MAX;
	for (size_t i = 0; i < core->pub.n_mappings; i++)
		if (!add_u64(stored, core->mappings[i].stored, &stored))
			return FRAMES_MAX;
	core->frames_max = (uint32_t)MIN(stored / core->arch->word_bytes + FRAMES_SLACK, (uint64_t)FRAMES_MAX);
	return core->frames_max;
}

/* From where they were written to where they stay. */
static int keep(struct core *core, const struct unwind_thread *from, struct unwind_thread *to) {
	*to = *from;
	to->segments = arena_memdup(core->arena, from->segments, from->n_segments * sizeof(*from->segments));
	to->signals = arena_memdup(core->arena, from->signals, from->n_signals * sizeof(*from->signals));
	return to->segments && to->signals ? 0 : -ENOMEM;
}

int unwind_thread(struct core *core, size_t i) {
	_cleanup_(fold_freep) struct fold *fold = NULL;
	struct cw_thread *thread = &core->threads[i];
	struct stack_segment segments[UNWIND_SEGMENTS_MAX];
	struct signal_context signals[UNWIND_SIGNALS_MAX];
	struct unwind_thread out = { .segments = segments, .signals = signals };
	struct walk w = { .core = core, .thread = thread, .out = &out, .trust = CW_TRUST_CONTEXT, .exact = true };
	bool more = thread->n_registers > 0;
	uint32_t max = frames_max(core);
	int r;

	thread->complete = false;
	thread->stop_reason = more ? NULL : "the core holds no registers of this thread";
	r = fold_new(core, &fold);
	if (r < 0)
		return r;
	w.fold = fold;
	memcpy(w.registers, thread->registers, thread->n_registers * sizeof(uint64_t));
	w.valid = (UINT64_C(1) << core->arch->n_registers) - 1;
	r = new_segment(&w);
	while (r >= 0 && more && w.index < max)
		r = one_frame(&w, &more);
	if (r >= 0 && more)
		thread->stop_reason = "more frames than the stack can hold: it is corrupt";
	if (r < 0)
		return r;
	r = fold_finish(fold, thread);
	if (r >= 0)
		r = keep(core, &out, &core->unwound[i]);
	if (r < 0)
		return r;
	if (thread->crashed) {
		core->signal_contexts = core->unwound[i].signals;
		core->n_signal_contexts = out.n_signals;
	}
	return 0;
}

int unwind_begin(struct core *core) {
	if (!core->unwind_memo)
		core->unwind_memo = arena_alloc(core->arena, sizeof(*core->unwind_memo));
	if (!core->unwind_memo)
		return -ENOMEM;
	/* Code that could not be read in the last pass may be there now. */
	memset(core->unwind_memo, 0, sizeof(*core->unwind_memo));
	return 0;
}
