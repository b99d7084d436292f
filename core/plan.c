/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan for a compressed core: after the notes it is known where stacks, thread data and ELF headers lie, and those are all that an analysis reads. The rest
 * (heaps, mostly) flows by.
 */
#include "core/plan.h"

/* Of the main stack, and of a stack whose end is not known: beyond it the middle of a huge recursion is fetched in another pass, if at all. */
#define STACK_KEEP_MAX MIB(256)
/* Below SP: the red zone, and what a callee left there. */
#define BELOW_SP KIB(8)
/* Small writable mappings hold the data segments of modules: abort messages, runtime state. */
#define SMALL_MAPPING KIB(256)
#define SMALL_TOTAL MIB(64)
/* ELF header, program headers and build-id of a module. */
#define MODULE_HEAD KIB(8)
/* Around each address that a register holds. */
#define REGISTER_MARGIN KIB(4)
/* Around the TLS register: struct pthread above, static TLS below. */
#define TLS_MARGIN KIB(16)
/* A pthread's own stack, when SP is on another: from the TLS register down. */
#define TLS_STACK MIB(16)
/* Passes after the planned one. Each costs as much as unpacking the whole core. */
#define REFETCH_MAX 4u

struct plan {
	struct image_range *ranges;
	size_t n, allocated;
	bool failed;
};

static void want(struct plan *p, uint64_t start, uint64_t end) {
	if (start >= end)
		return;
	if (p->n == p->allocated) {
		size_t more = MAX(p->allocated * 2, (size_t)256);
		void *q = reallocarray(p->ranges, more, sizeof(*p->ranges));
		if (!q) {
			p->failed = true;
			return;
		}
		p->ranges = q;
		p->allocated = more;
	}
	p->ranges[p->n++] = (struct image_range){ start, end };
}

static void want_around(struct plan *p, uint64_t address, uint64_t below, uint64_t above) {
	uint64_t end;

	want(p, address - MIN(address, below), add_u64(address, above, &end) ? end : UINT64_MAX);
}

/* From a stack pointer to the end of the stack: the segment that holds it, or the next above (at an overflow SP lies below). */
static void want_stack(struct core *core, struct plan *p, uint64_t sp) {
	const struct segment *segments;
	size_t n;

	segments = image_segments(core->image, &n);
	for (size_t i = 0; i < n; i++) {
		if (segments[i].end <= sp || (segments[i].stored == 0 && segments[i].perm == 0))
			continue;
		if (segments[i].start > sp && segments[i].start - sp > GIB(2))
			return;
		want(p, sp > BELOW_SP ? sp - BELOW_SP : 0, MIN(segments[i].end, MAX(sp, segments[i].start) + STACK_KEEP_MAX));
		return;
	}
}

static void want_thread(struct core *core, struct plan *p, const struct cw_thread *t) {
	if (t->n_registers == 0)
		return;
	want_stack(core, p, t->sp);
	for (size_t i = 0; i < t->n_registers; i++)
		if (t->registers[i] >= 65536)
			want_around(p, t->registers[i], REGISTER_MARGIN, REGISTER_MARGIN);
	if (core->arch->tls >= 0 && t->registers[core->arch->tls] != 0) {
		uint64_t tls = t->registers[core->arch->tls];
		const struct segment *s = image_find_segment(core->image, tls);

		want_around(p, tls, TLS_MARGIN, TLS_MARGIN);
		if (s && (t->sp < s->start || t->sp >= s->end))
			want(p, MAX(s->start, tls - MIN(tls, TLS_STACK)), tls);
	}
}

static void want_mappings(struct core *core, struct plan *p) {
	uint64_t small = 0;

	for (size_t i = 0; i < core->pub.n_mappings; i++) {
		const struct cw_mapping *m = &core->mappings[i];
		uint64_t bytes = m->end - m->start;

		if (m->kind == CW_REGION_VDSO) {
			want(p, m->start, m->end);
		} else if (m->kind == CW_REGION_STACK) {
			want(p, m->end - MIN(bytes, STACK_KEEP_MAX), m->end);
		} else if ((m->perm & CW_PERM_WRITE) && m->stored > 0 && bytes <= SMALL_MAPPING && small + bytes <= SMALL_TOTAL) {
			want(p, m->start, m->end);
			small += bytes;
		}
		if (m->module && m->start == m->module->start)
			want(p, m->start, m->start + MODULE_HEAD);
	}
}

static void report(struct core *core, int r) {
	if (r == -ESPIPE)
		core_problem(core, "image", "parts of the core were needed twice and the input cannot be rewound: give a file instead of a pipe");
	else if (r == -EBADMSG)
		core_problem(core, "image", "the %s data is damaged (%s): what lies behind the damage is missing", image_format(core->image),
		             image_problem(core->image) ?: "no more is known");
	else if (r < 0 && r != -ENODATA)
		core_problem(core, "image", "reading the core failed: %s", strerror(-r));
}

int plan_fetch(struct core *core) {
	struct plan p = {};
	int r;

	if (!image_is_stream(core->image))
		return 0;
	for (size_t i = 0; i < core->pub.n_threads; i++)
		want_thread(core, &p, &core->threads[i]);
	want_mappings(core, &p);
	if (core->at_random)
		want_around(&p, core->at_random, 0, 64);
	r = p.failed ? -ENOMEM : image_fetch(core->image, p.ranges, p.n);
	free(p.ranges);
	if (r == -ENOMEM)
		return r;
	report(core, r);
	return 0;
}

int plan_refetch(struct core *core, bool *ret_again) {
	_cleanup_free_ struct image_range *copy = NULL;
	const struct image_range *missed;
	size_t n;
	int r;

	*ret_again = false;
	missed = image_missed(core->image, &n);
	if (n == 0 || core->refetches >= REFETCH_MAX)
		return 0;
	core->refetches++;
	copy = malloc(n * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, missed, n * sizeof(*copy));
	r = image_fetch(core->image, copy, n);
	if (r == -ENOMEM)
		return r;
	report(core, r);
	*ret_again = r >= 0;
	return 0;
}
