/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What Prometheus is told of crashes: counters that only grow, over restarts and over what journald deletes. Pure
 * counting and two texts, the exposition format and the saved state; no journal and no files here (cli/metrics.c).
 * Labels are few by construction: every family of series has a limited number of places. The series are described in
 * corewatch(8), METRICS; the format in https://prometheus.io/docs/instrumenting/exposition_formats/.
 */
#pragma once

#include "util/macro.h"

/* Programs, and units, that have a series of their own; the others are counted together as "other". */
#define METRICS_PLACES_MAX 50
/* When all places are taken, one that was held for long enough since its last crash goes to another: a day for each of its
 * crashes, as programs under test come and go, and a month at most. */
#define METRICS_HOLD_USEC (24 * 3600 * USEC_PER_SEC)
#define METRICS_HOLD_MAX 30

struct metrics;

int metrics_new(struct metrics **ret_metrics); /* with the usual series at 0. 0 or -ENOMEM */
void metrics_free(struct metrics *metrics);
DEFINE_CLEANUP(struct metrics *, metrics_free);

/* One crash that has a report. Strings are borrowed, may be NULL (not known) and are cleaned; time: realtime of the
 * entry. 0 or -ENOMEM. */
struct metrics_crash {
	const char *verdict, *signal, *executable, *unit;
	uint64_t time_usec;
};
int metrics_count_crash(struct metrics *metrics, const struct metrics_crash *crash);

/* What the analysis of a crash came to, in words of the report's schema: generator.outcome and core.state. 0 or
 * -ENOMEM. */
int metrics_count_outcome(struct metrics *metrics, const char *outcome, const char *core_state);
/* reason: as the series has it. 0 or -ENOMEM. */
int metrics_count_suppressed(struct metrics *metrics, const char *reason, uint64_t n);

/* Values are microseconds, or millionths of a stack. */
enum metrics_histogram { HISTOGRAM_ANALYSIS, HISTOGRAM_STACK, _HISTOGRAM_MAX };
void metrics_observe(struct metrics *metrics, enum metrics_histogram which, uint64_t millionths);

/* The journal entry up to which all is counted, or NULL. The setter copies: 0 or -ENOMEM. */
const char *metrics_cursor(const struct metrics *metrics);
int metrics_set_cursor(struct metrics *metrics, const char *cursor);

/* As text for Prometheus. Caller frees. 0 or -ENOMEM. */
int metrics_render(const struct metrics *metrics, char **ret_text, size_t *ret_length);

/* To a saved state and back: a text of JSON. -EBADMSG: this is none, or it does not make sense. */
#define METRICS_STATE_MAX MIB(1)
int metrics_save(const struct metrics *metrics, char **ret_text, size_t *ret_length);
int metrics_load(const char *text, size_t length, struct metrics **ret_metrics);
