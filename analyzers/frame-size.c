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

static int run(const struct cw_core *core, struct cw_run *host) {
	const struct cw_thread *t = core->crashed;
	const struct cw_stack *s = &t->stack;
	uint64_t limit = s->has_limit && s->limit_bytes != UINT64_MAX ? s->limit_bytes : 0, accounted = 0, largest = 0;
	const char *largest_function = NULL;
	struct cw_finding *f;
	char a[32], b[32], c[32];

	for (size_t i = 0; i < t->n_functions; i++) {
		accounted += t->functions[i].bytes;
		if (t->functions[i].largest_frame_bytes > largest) {
			largest = t->functions[i].largest_frame_bytes;
			largest_function = t->functions[i].function;
		}
	}
	if (!s->has_used || t->n_functions == 0 || (largest < frame_min && (limit == 0 || s->used_bytes < limit / 100 * share_percent)))
		return 0;
	if (limit > 0)
		f = cw_finding_add(host, "frame-size", CW_CERTAIN, "%s of %s bytes of stack in use (%" PRIu64 " %%) by %u frames; the largest frame is %s bytes in %s",
		                   group_digits(s->used_bytes, a), group_digits(limit, b), s->used_bytes * 100 / limit, t->frame_count, group_digits(largest, c), largest_function);
	else
		f = cw_finding_add(host, "frame-size", CW_CERTAIN, "%s bytes of stack in use by %u frames; the largest frame is %s bytes in %s", group_digits(s->used_bytes, a),
		                   t->frame_count, group_digits(largest, c), largest_function);
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
	cw_fact_integer(f, "accounted_bytes", (int64_t)accounted);
	cw_fact_integer(f, "unaccounted_bytes", (int64_t)(s->used_bytes - (accounted < s->used_bytes ? accounted : s->used_bytes)));
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
