/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the crashed thread's stack was used: bytes per frame (differences of frame addresses), per function, per cycle, against the limit. It measures and never judges: its finding
 * supports others. The numbers themselves are in the report's stack; here they are put into words, for stacks where they say something.
 */
#include <corewatch/analyzer.h>

#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Functions named in the finding. */
#define FUNCTIONS_MAX 10
/* Above the outermost frame there are always some kilobytes; from here on they are worth a line. */
#define PART_LARGE 16384u

static unsigned share_percent = 25; /* MinShare=: report when a stack is used by at least this much */
static uint64_t frame_min = 65536;  /* MinFrameBytes=: or when a frame is at least this large */

static int parse(const char *value, uint64_t max, uint64_t *ret) {
	char *end;
	unsigned long long v;

	if (value[0] < '0' || value[0] > '9')
		return -22; /* EINVAL */
	v = strtoull(value, &end, 10);
	if (*end || v > max)
		return -22;
	*ret = v;
	return 0;
}

static int configure(const char *key, const char *value) {
	uint64_t v;
	int r;

	if (strcmp(key, "MinShare") == 0) {
		r = parse(value, 100, &v);
		if (r >= 0)
			share_percent = (unsigned)v;
		return r;
	}
	if (strcmp(key, "MinFrameBytes") == 0)
		return parse(value, UINT64_C(1) << 40, &frame_min);
	return -2; /* ENOENT */
}

/* Bytes above the outermost frame that are the thread's own, by kind. */
static uint64_t part_bytes(const struct cw_stack_use *use, enum cw_stack_part_kind kind, const struct cw_stack_part **ret_part) {
	for (size_t i = 0; i < use->n_parts; i++)
		if (use->parts[i].kind == kind) {
			*ret_part = &use->parts[i];
			return use->parts[i].bytes;
		}
	*ret_part = NULL;
	return 0;
}

/* Who has the bytes that no function has: told where they are many, counted always. */
static void account(struct cw_finding *f, const struct cw_stack_use *use) {
	static const struct {
		enum cw_stack_part_kind kind;
		const char *fact, *words;
	} kinds[] = {
		{ CW_PART_SIGNAL_FRAME, "signal_frame_bytes", "the kernel's signal frame" },
		{ CW_PART_STATIC_TLS, "tls_bytes", "thread-local variables (static TLS: thread_local, __thread)" },
		{ CW_PART_THREAD_CONTROL, "thread_control_bytes", "the C library's record of the thread (struct pthread)" },
		{ CW_PART_ARGUMENTS, "arguments_bytes", "argc, argv, envp and the auxiliary vector" },
		{ CW_PART_STRINGS, "strings_bytes", "the strings of arguments and environment" },
	};
	char a[32], b[32];

	if (!use->known)
		return;
	cw_fact_integer(f, "frames_bytes", (int64_t)use->frames_bytes);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct cw_stack_part *p;

		if (part_bytes(use, kinds[i].kind, &p) == 0)
			continue;
		cw_fact_integer(f, kinds[i].fact, (int64_t)p->bytes);
		if (p->bytes < PART_LARGE)
			continue;
		if (p->module && p->module_bytes >= p->bytes / 2)
			cw_finding_evidence(f, "%s bytes at 0x%" PRIx64 " are %s, %s of them of %s", group_digits(p->bytes, a), p->start, kinds[i].words,
			                    group_digits(p->module_bytes, b), p->module->path);
		else
			cw_finding_evidence(f, "%s bytes at 0x%" PRIx64 " are %s", group_digits(p->bytes, a), p->start, kinds[i].words);
	}
	cw_fact_integer(f, "unaccounted_bytes", (int64_t)use->unaccounted_bytes);
}

static struct cw_finding *add_finding(const struct cw_thread *t, struct cw_run *host, uint64_t limit, uint64_t largest, const char *function) {
	const struct cw_stack_part *tls;
	const char *more = "";
	char a[32], b[32], c[32], d[32], text[96];

	if (part_bytes(&t->use, CW_PART_STATIC_TLS, &tls) >= PART_LARGE) {
		snprintf(text, sizeof(text), ", and %s bytes of thread-local variables", group_digits(tls->bytes, d));
		more = text;
	}
	if (limit > 0)
		return cw_finding_add(host, "frame-size", CW_CERTAIN, "%s of %s bytes of stack in use (%" PRIu64 " %%) by %u frames%s; the largest frame is %s bytes in %s",
		                      group_digits(t->stack.used_bytes, a), group_digits(limit, b), t->stack.used_bytes * 100 / limit, t->frame_count, more,
		                      group_digits(largest, c), function);
	return cw_finding_add(host, "frame-size", CW_CERTAIN, "%s bytes of stack in use by %u frames%s; the largest frame is %s bytes in %s",
	                      group_digits(t->stack.used_bytes, a), t->frame_count, more, group_digits(largest, c), function);
}

static int run(const struct cw_core *core, struct cw_run *host) {
	const struct cw_thread *t = core->crashed;
	const struct cw_stack *s = &t->stack;
	uint64_t limit = s->has_limit && s->limit_bytes != UINT64_MAX ? s->limit_bytes : 0, largest = 0;
	const char *largest_function = NULL;
	struct cw_finding *f;
	char a[32], b[32], c[32];

	for (size_t i = 0; i < t->n_functions; i++)
		if (t->functions[i].largest_frame_bytes > largest) {
			largest = t->functions[i].largest_frame_bytes;
			largest_function = t->functions[i].function;
		}
	if (!s->has_used || t->n_functions == 0 || (largest < frame_min && (limit == 0 || s->used_bytes < limit / 100 * share_percent)))
		return 0;
	f = add_finding(t, host, limit, largest, largest_function);
	cw_finding_supports(f);
	for (size_t i = 0; i < t->n_functions && i < FUNCTIONS_MAX; i++) {
		const struct cw_function_use *u = &t->functions[i];

		cw_finding_evidence(f, "%s: %s bytes in %s frame%s (largest %s)", u->function, group_digits(u->bytes, a), group_digits(u->count, b), u->count == 1 ? "" : "s",
		                    group_digits(u->largest_frame_bytes, c));
	}
	if (t->cycle && t->cycle->bytes > 0)
		cw_finding_evidence(f, "a cycle of %zu function%s turned %u times: %s bytes a turn, %s in all", t->cycle->n_cycle ? t->cycle->n_cycle : 1,
		                    t->cycle->n_cycle > 1 ? "s" : "", t->cycle->count, group_digits((uint64_t)t->cycle->bytes, a),
		                    group_digits((uint64_t)t->cycle->bytes * t->cycle->count, b));
	cw_fact_integer(f, "used_bytes", (int64_t)s->used_bytes);
	if (limit > 0)
		cw_fact_integer(f, "limit_bytes", (int64_t)limit);
	account(f, &t->use);
	cw_fact_integer(f, "largest_frame_bytes", (int64_t)largest);
	cw_fact_string(f, "largest_frame_function", largest_function);
	return 0;
}

CW_ANALYZER(frame_size) = {
	.abi = CW_ANALYZER_ABI,
	.name = "frame-size",
	.summary = "Stack bytes per frame, function and cycle, against the stack's limit",
	.priority = 50,
	.configure = configure,
	.run = run,
};
