/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See stack.h. The main stack is the mapping that exec() put AT_RANDOM into. A pthread's stack is in its own struct pthread, which the TLS register points to: not by
 * fixed offsets, which change with every release, but by the only run of words there that describe a block of memory with the TLS register near its end.
 */
#include "core/stack.h"

/* struct pthread: glibc 2.36 has the members at +0x690, musl at +0x48; 0xa00 covers both with room for releases to come. */
#define PTHREAD_SEARCH_BYTES 0xa00u
/* Static TLS and struct pthread lie between the TLS register and the block's end; programs with megabytes of thread_local data exist. */
#define TLS_TAIL_MAX MIB(64)
/* No thread has a stack larger than this; no guard is. */
#define THREAD_STACK_MAX GIB(64)
/* With no limit known (the core does not hold it), a main stack is taken to have the usual one. */
#define USUAL_MAIN_LIMIT MIB(8)
/* How far below its stack an overflow may jump and still be taken for that stack's: a frame of this size is a bug of its own.
 * Where frames show which stack it was, what a length of 32 bits that wrapped around makes of alloca(), and a little. */
#define JUMP_MAX GIB(2)
#define JUMP_MAX_FRAMES (GIB(4) + MIB(64))
/* The same for a main thread that may have another stack instead: one frame of moderate size. */
#define JUMP_OUT_OF_BLOCK MIB(1)
/* What programs protect at the end of a thread's stack themselves; HotSpot has 16 KiB. */
#define OWN_GUARD_MAX MIB(1)
/* How far below the memory that a stack of the program's own lies in SP may have run. */
#define LEFT_MAX MIB(1)

struct block {
	uint64_t low, high, guard;
	bool user;             /* memory given by the program: glibc keeps no guard for it */
	const char *source;
};

static bool aligned(const struct core *core, uint64_t value) {
	return value % core->pub.page_bytes == 0;
}

/* glibc: stackblock, stackblock_size, guardsize. */
static bool is_glibc(const struct core *core, const uint64_t *w, uint64_t tls, struct block *ret) {
	uint64_t end, block = w[0], size = w[1], guard = w[2];

	if (block == 0 || size == 0 || size > THREAD_STACK_MAX || !add_u64(block, size, &end))
		return false;
	if (tls < block || tls >= end || end - tls > TLS_TAIL_MAX || guard >= size || !aligned(core, guard))
		return false;
	if (!aligned(core, block) && guard != 0)
		return false;
	if (size < core->pub.page_bytes * 4)
		return false;
	*ret = (struct block){ block + guard, end, guard, guard == 0, "struct pthread (glibc)" };
	return true;
}

/* musl: map_base, map_size, stack (its top), stack_size, guard_size. */
static bool is_musl(const struct core *core, const uint64_t *w, uint64_t tls, struct block *ret) {
	uint64_t end, base = w[0], size = w[1], top = w[2], bytes = w[3], guard = w[4];

	if (base == 0 || !aligned(core, base) || !aligned(core, size) || size == 0 || size > THREAD_STACK_MAX || !add_u64(base, size, &end))
		return false;
	if (tls < base || tls >= end || top <= base || top > end || bytes > top - base || bytes < 2048 || guard > size)
		return false;
	if (top - bytes != base + guard)
		return false;
	*ret = (struct block){ base + guard, top, guard, false, "struct pthread (musl)" };
	return true;
}

/* The words from the TLS register up, as far as they are in the core. */
static size_t read_above(struct core *core, uint64_t tls, uint64_t *w) {
	size_t n = 0, word = core->arch->word_bytes, max = PTHREAD_SEARCH_BYTES / word, at_once;
	const struct cw_mapping *m = core_find_mapping(core, tls);

	/* At once up to the mapping's end, where struct pthread mostly ends; word by word where that fails. */
	at_once = m ? (size_t)MIN((m->end - tls) / word, (uint64_t)max) : 0;
	if (word == sizeof(w[0]) && core_read(core, tls, w, at_once * word) >= 0)
		n = at_once;
	while (tls != 0 && n < max && core_read_word(core, tls + n * word, &w[n]) >= 0)
		n++;
	return n;
}

/* The words up to the TLS register, in order of address. */
static size_t read_below(struct core *core, uint64_t tls, uint64_t *w) {
	size_t n = 0, word = core->arch->word_bytes, max = PTHREAD_SEARCH_BYTES / word;

	while (n < max && tls > (n + 1) * word && core_read_word(core, tls - (n + 1) * word, &w[max - 1 - n]) >= 0)
		n++;
	memmove(w, w + max - n, n * sizeof(*w));
	return n;
}

/* The i-th place to look at: beginning at the TLS register, for beyond struct pthread come other data (below it, old stack contents). */
static size_t nearest(const struct core *core, size_t i, size_t last) {
	return core->arch->pthread_below_tls ? last - i : i;
}

/* The record is at the same place in all threads of a process: the C library's struct pthread. */
static bool find_pthread(struct core *core, const struct cw_thread *t, struct block *ret) {
	uint64_t w[PTHREAD_SEARCH_BYTES / 4 + 8], tls;
	size_t n, last = core->glibc_record_at;

	if (core->arch->tls < 0 || t->n_registers == 0)
		return false;
	tls = t->registers[core->arch->tls];
	n = core->arch->pthread_below_tls ? read_below(core, tls, w) : read_above(core, tls, w);
	/* Both C libraries have it begin with its own address, where the TLS register points to it; Go's threads have words of its heap there. */
	if (!core->arch->pthread_below_tls && (n == 0 || w[0] != tls))
		return false;
	if (last > 0 && last + 3 <= n && is_glibc(core, w + nearest(core, last, n - 3), tls, ret))
		return true;
	for (size_t i = 0; i + 3 <= n; i++)
		if (is_glibc(core, w + nearest(core, i, n - 3), tls, ret)) {
			core->glibc_record_at = i;
			return true;
		}
	for (size_t i = 0; i + 5 <= n; i++)
		if (is_musl(core, w + nearest(core, i, n - 5), tls, ret))
			return true;
	return false;
}

static const struct cw_mapping *main_mapping(const struct core *core) {
	uint64_t at = core->at_random ? core->at_random : core->at_execfn;

	return at ? core_find_mapping(core, at) : NULL;
}

static bool find_main(struct core *core, struct cw_stack *s) {
	const struct cw_mapping *m = main_mapping(core);
	uint64_t mapped;

	if (!m)
		return false;
	mapped = m->end - m->start;
	*s = (struct cw_stack){ .kind = CW_STACK_MAIN, .has_bounds = true, .low = m->start, .high = m->end, .has_limit = true };
	if (core->options.has_stack_limit) {
		s->limit_bytes = core->options.stack_limit;
		s->source = "the mapping that holds AT_RANDOM, and the process's RLIMIT_STACK";
	} else {
		/* A stack that has grown larger than usual, or to a round size below it, shows its own limit. */
		s->limit_bytes = MAX(USUAL_MAIN_LIMIT, mapped);
		s->source = "the mapping that holds AT_RANDOM; RLIMIT_STACK is not in the core: 8 MiB, the usual limit, assumed";
		if (mapped > USUAL_MAIN_LIMIT || (mapped >= KIB(256) && mapped % KIB(64) == 0)) {
			s->limit_bytes = mapped;
			s->source = "the mapping that holds AT_RANDOM; RLIMIT_STACK is not in the core: the mapping's own size taken for it";
		}
	}
	return true;
}

/* The mapping that such a stack lies in: at SP, behind the guard that SP is in, or above an SP that has left it. */
static const struct cw_mapping *custom_mapping(const struct core *core, const struct cw_thread *t, uint64_t sp) {
	const struct cw_mapping *m = core_find_mapping(core, sp), *end = core->mappings + core->pub.n_mappings;

	if (m && m->perm == 0 && m->kind == CW_REGION_ANONYMOUS && m + 1 < end && m[1].start == m->end)
		m++;
	if (!m)
		for (const struct cw_mapping *n = core->mappings; n < end && !m; n++)
			if (n->start >= sp && n->start - sp <= LEFT_MAX && stack_top_frame(t, n->start, n->end) != 0)
				m = n;
	if (!m || !(m->perm & CW_PERM_WRITE) ||
	    (m->kind != CW_REGION_ANONYMOUS && m->kind != CW_REGION_HEAP && m->kind != CW_REGION_MODULE))
		return NULL;
	return m;
}

/* A stack that the program made itself: memory that can be written, often with a PROT_NONE page below. The mapping may
 * hold much else; the outermost frame tells where the stack begins, and the program's own record of it (stack-record.c)
 * how far it reaches. */
static bool find_custom(struct core *core, const struct cw_thread *t, uint64_t sp, struct cw_stack *s) {
	const struct cw_mapping *m = custom_mapping(core, t, sp), *guard = NULL;
	struct stack_alt record;
	uint64_t top;

	if (!m)
		return false;
	*s = (struct cw_stack){ .kind = CW_STACK_CUSTOM, .has_bounds = true, .low = m->start, .high = m->end, .has_limit = true,
	                        .source = "the mapping that holds SP: a stack that the program made itself" };
	top = stack_top_frame(t, m->start, m->end);
	if (top != 0 && t == &core->threads[0] && stack_find_record(core, top, &record)) {
		s->low = record.low;
		s->high = record.low + record.size;
		s->source = STACK_SOURCE_RECORD;
	} else if (top != 0 && m->end - top >= core->pub.page_bytes && t->complete) {
		uint64_t unit = m->kind == CW_REGION_ANONYMOUS ? core->pub.page_bytes : 16;

		s->high = (top + unit - 1) / unit * unit;
		s->source = "the mapping that holds SP, up to the outermost frame: a stack that the program made itself";
	}
	s->limit_bytes = s->high - s->low;
	guard = s->low > 0 ? core_find_mapping(core, s->low - 1) : NULL;
	s->has_guard = guard && guard->perm == 0 && guard->end == s->low;
	s->guard_bytes = s->has_guard ? guard->end - guard->start : 0;
	return true;
}

static void set_use(struct cw_stack *s, uint64_t sp) {
	s->sp = sp;
	if (s->has_bounds && sp <= s->high) {
		s->has_used = true;
		s->used_bytes = s->high - sp;
	}
}

static bool inside(const struct cw_stack *s, uint64_t sp) {
	uint64_t slack = s->has_guard ? s->guard_bytes : 0;

	return s->has_bounds && sp <= s->high && sp >= s->low - MIN(slack, s->low);
}

/* Whether the innermost frames that are known lie on that stack: at an overflow SP itself may be anywhere below it. */
static bool frames_inside(const struct cw_thread *t, const struct cw_stack *s) {
	for (size_t i = 0; i < MIN(t->n_frames, (size_t)4); i++)
		if (t->frames[i].has_cfa && t->frames[i].cfa > s->low && t->frames[i].cfa <= s->high)
			return true;
	return false;
}

/* A runtime that looks after its stacks itself (HotSpot) asks for no guard, and protects the lowest pages of the stack. */
static bool find_own_guard(const struct core *core, struct cw_stack *s) {
	const struct cw_mapping *m = core_find_mapping(core, s->low), *next = m ? core_find_mapping(core, m->end) : NULL;

	if (!m || m->perm != 0 || m->end - s->low > OWN_GUARD_MAX || !next || m->end >= s->high || !(next->perm & CW_PERM_WRITE))
		return false;
	s->has_guard = true;
	s->guard_bytes = m->end - s->low;
	s->low = m->end;
	s->limit_bytes = s->high - s->low;
	s->source = "struct pthread (glibc), less the pages at its end that the program made inaccessible: a guard of its own";
	return true;
}

static bool find_own(struct core *core, const struct cw_thread *t, uint64_t sp, struct cw_stack *s) {
	struct block b;

	if (t->is_main && find_main(core, s) && inside(s, sp))
		return true;
	/* After fork() in a thread that thread is the main one, and runs on where it was; elsewhere the main thread's record
	 * has no block. */
	if (t->is_main && !(find_pthread(core, t, &b) && sp < b.high && b.low - MIN(b.low, b.guard + JUMP_OUT_OF_BLOCK) <= sp))
		return s->has_bounds;
	if (!t->is_main && !find_pthread(core, t, &b))
		return false;
	*s = (struct cw_stack){ .kind = CW_STACK_PTHREAD, .has_bounds = true, .low = b.low, .high = b.high, .has_guard = !b.user,
	                        .guard_bytes = b.guard, .has_limit = true, .limit_bytes = b.high - b.low, .source = b.source };
	if (b.user && !find_own_guard(core, s)) {
		const struct cw_mapping *below = core_find_mapping(core, b.low - 1);

		s->source = "struct pthread (glibc), which knows of no guard: memory that the program gave to the thread, or a guard size of 0";
		if (below && below->perm == 0) {
			s->has_guard = true;
			s->guard_bytes = below->end - below->start;
		}
	}
	return true;
}

/* On the alternate stack, or just below it: a handler that overflowed it. */
static bool on_alternate(const struct stack_alt *alt, uint64_t sp) {
	uint64_t end;

	if (!alt || alt->size == 0 || !add_u64(alt->low, alt->size, &end))
		return false;
	return sp <= end && sp >= alt->low - MIN(alt->low, MIB(1));
}

static void set_alternate(const struct core *core, const struct stack_alt *alt, struct cw_stack *s) {
	const struct cw_mapping *guard = alt->low > 0 ? core_find_mapping(core, alt->low - 1) : NULL;

	*s = (struct cw_stack){ .kind = CW_STACK_ALTERNATE, .has_bounds = true, .low = alt->low, .high = alt->low + alt->size, .has_limit = true,
	                        .limit_bytes = alt->size, .source = "uc_stack of the signal frame", .has_guard = guard && guard->perm == 0 };
	if (s->has_guard)
		s->guard_bytes = guard->end - guard->start;
}

void stack_find_bounds(struct core *core, const struct cw_thread *t, uint64_t sp, const struct stack_alt *alt, struct cw_stack *ret_stack) {
	struct cw_stack own = {}, custom = {}, *s = &own;
	bool have_own = find_own(core, t, sp, &own), below = have_own && sp < own.low && own.low - sp <= JUMP_MAX;
	bool far_below = have_own && sp < own.low && own.low - sp <= JUMP_MAX_FRAMES;

	/* Where both fit, the one that holds SP itself. */
	if (on_alternate(alt, sp) && !(have_own && sp >= own.low && sp < own.high && !(sp >= alt->low && sp < alt->low + alt->size)))
		set_alternate(core, alt, &own);
	else if (have_own && inside(&own, sp))
		s = &own;
	else if (far_below && frames_inside(t, &own))
		s = &own;
	else if (find_custom(core, t, sp, &custom))
		s = &custom;
	else if (!below)
		own = (struct cw_stack){ .kind = CW_STACK_UNKNOWN, .source = "SP points into no stack" };
	set_use(s, sp);
	*ret_stack = *s;
}
