/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See metrics.h. Each family of series is a small array that is searched from its beginning: a run adds a few crashes
 * to some dozens of series. What has no place is counted as "other", so that no crash is lost, and no series ever goes
 * down; one that loses its place is gone, which Prometheus takes for the end of a series.
 */
#include "cli/metrics-private.h"
#include "util/text.h"

#define OTHER "other"

const struct family families[_FAMILY_MAX] = {
	[FAMILY_CRASHES] = { "corewatch_crashes_total", "Crashes that have a report.", { "verdict", "signal" },
	                     SERIES_MAX - 1 },
	[FAMILY_EXE] = { "corewatch_crashes_by_exe_total", "Crashes that have a report, by program.", { "exe" },
	                 METRICS_PLACES_MAX },
	[FAMILY_UNIT] = { "corewatch_crashes_by_unit_total", "Crashes of services that have a report, by unit.", { "unit" },
	                  METRICS_PLACES_MAX },
	[FAMILY_FAILURES] = { "corewatch_analysis_failures_total", "Reports that are not complete.", { "reason" }, 16 },
	[FAMILY_SUPPRESSED] = { "corewatch_suppressed_total", "Crashes that were counted, but not analysed.",
	                        { "reason" }, 16 },
};

const struct histogram_kind histograms[_HISTOGRAM_MAX] = {
	[HISTOGRAM_ANALYSIS] = { "corewatch_analysis_duration_seconds", "How long analyses took.",
	                         { 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000,
	                           120000000 } },
	[HISTOGRAM_STACK] = { "corewatch_stack_used_ratio",
	                      "How much of its stack the crashed thread had in use, where the limit is known.",
	                      { 50000, 100000, 250000, 500000, 750000, 900000, 990000, 1000000 } },
};

/* What is there from the start, as 0: increase() does not see a series that begins with its first crash. Any other pair
 * of words is counted as well. The verdicts are those of corewatch(8). */
static const struct {
	const char *verdict, *signals[3];
} usual[] = {
	{ "abort", { "SIGABRT" } },
	{ "allocation-failure", { "SIGABRT" } },
	{ "assertion-failure", { "SIGABRT" } },
	{ "bad-jump", { "SIGSEGV" } },
	{ "buffer-overflow", { "SIGABRT" } },
	{ "bus-error", { "SIGBUS" } },
	{ "corrupted-return-address", { "SIGSEGV" } },
	{ "debug-trap", { "SIGTRAP" } },
	{ "divide-error", { "SIGFPE" } },
	{ "float-exception", { "SIGFPE" } },
	{ "heap-corruption", { "SIGABRT", "SIGSEGV" } },
	{ "illegal-instruction", { "SIGILL" } },
	{ "invalid-pointer", { "SIGSEGV", "SIGBUS" } },
	{ "killed-by-signal", { "SIGABRT", "SIGQUIT", "SIGSEGV" } },
	{ "misaligned-access", { "SIGBUS", "SIGSEGV" } },
	{ "null-dereference", { "SIGSEGV" } },
	{ "panic", { "SIGABRT" } },
	{ "privileged-instruction", { "SIGSEGV" } },
	{ "protection-violation", { "SIGSEGV" } },
	{ "pure-virtual-call", { "SIGABRT" } },
	{ "raised-signal", { "SIGABRT", "SIGSEGV", "SIGTRAP" } },
	{ "resource-limit", { "SIGXCPU", "SIGXFSZ" } },
	{ "runtime-fatal-error", { "SIGABRT" } },
	{ "sanitizer-report", { "SIGABRT" } },
	{ "seccomp-violation", { "SIGSYS" } },
	{ "stack-overflow", { "SIGABRT", "SIGSEGV" } },
	{ "stack-overrun", { "SIGSEGV" } },
	{ "stack-pointer-corruption", { "SIGSEGV" } },
	{ "stack-smashing", { "SIGABRT" } },
	{ "terminate", { "SIGABRT" } },
	{ "uncaught-exception", { "SIGABRT" } },
	{ "unknown", { "SIGABRT", "SIGSEGV" } },
};

static const char *const failure_reasons[] = { "no-core", "truncated-core", "incomplete", "failed" };
/* Those of the daemon's summaries (COREWATCH_SUPPRESSED_…). */
static const char *const suppress_reasons[] = { "alike", "program", "total", "muted", "skipped", "lost" };

/* ── series ── */

static bool has_labels(const struct series *series, const char *const labels[LABELS_MAX]) {
	for (size_t i = 0; i < LABELS_MAX && labels[i]; i++)
		if (!streq(series->labels[i], labels[i]))
			return false;
	return true;
}

static void series_done(struct series *series) {
	for (size_t i = 0; i < LABELS_MAX; i++)
		free(series->labels[i]);
	*series = (struct series){};
}

/* Times are at most COUNT_MAX, or the realtime of an entry in this journal: there is room for a month. */
static uint64_t held_until(const struct series *series) {
	return MIN(series->last_usec, COUNT_MAX) + MIN(series->value, (uint64_t)METRICS_HOLD_MAX) * METRICS_HOLD_USEC;
}

/* A place in a family that is full: the one that is over for the longest time, or NULL. */
static struct series *free_place(struct counts *counts, uint64_t time_usec) {
	struct series *first = NULL;

	for (size_t i = 0; i < counts->n; i++) {
		struct series *series = &counts->series[i];

		if (!streq(series->labels[0], OTHER) && (!first || held_until(series) < held_until(first)))
			first = series;
	}
	return first && held_until(first) < time_usec ? first : NULL;
}

int counts_find(struct metrics *metrics, enum family_id id, const char *const labels[LABELS_MAX], uint64_t time_usec,
                struct series **ret_series) {
	struct counts *counts = &metrics->families[id];
	struct series new = {}, *place;
	size_t others = 0;

	for (size_t i = 0; i < counts->n; i++) {
		if (has_labels(&counts->series[i], labels)) {
			*ret_series = &counts->series[i];
			return 0;
		}
		others += streq(counts->series[i].labels[0], OTHER);
	}
	place = &counts->series[counts->n];
	if (!streq(labels[0], OTHER) && counts->n - others >= families[id].series_max) {
		/* Pairs of verdict and signal stay: there are always the same few. */
		place = id == FAMILY_CRASHES ? NULL : free_place(counts, time_usec);
		if (!place)
			return -ENOENT;
	}
	for (size_t i = 0; i < LABELS_MAX && labels[i]; i++)
		if (!(new.labels[i] = strdup(labels[i]))) {
			series_done(&new);
			return -ENOMEM;
		}
	if (place == &counts->series[counts->n])
		counts->n++;
	else
		series_done(place);
	*place = new;
	*ret_series = place;
	return 0;
}

static int add(struct metrics *metrics, enum family_id id, const char *first, const char *second, uint64_t n,
               uint64_t time_usec) {
	const char *const given[LABELS_MAX] = { first, second }, *const others[LABELS_MAX] = { OTHER, second ? OTHER : NULL };
	char clean[LABELS_MAX][LABEL_BYTES_MAX + 1];
	const char *labels[LABELS_MAX] = {};
	struct series *series;
	int r;

	for (size_t i = 0; i < LABELS_MAX && given[i]; i++) {
		text_clean(given[i], strlen(given[i]), clean[i], sizeof(clean[i]));
		labels[i] = clean[i];
	}
	r = counts_find(metrics, id, labels, time_usec, &series);
	if (r == -ENOENT)
		r = counts_find(metrics, id, others, time_usec, &series);
	if (r < 0)
		return r;
	if (!add_u64(series->value, n, &series->value) || series->value > COUNT_MAX)
		series->value = COUNT_MAX;
	series->last_usec = MAX(series->last_usec, time_usec);
	return 0;
}

static int add_usual(struct metrics *metrics) {
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(usual); i++)
		for (size_t k = 0; k < ELEMENTSOF(usual[i].signals) && usual[i].signals[k] && r >= 0; k++)
			r = add(metrics, FAMILY_CRASHES, usual[i].verdict, usual[i].signals[k], 0, 0);
	for (size_t i = 0; i < ELEMENTSOF(failure_reasons) && r >= 0; i++)
		r = add(metrics, FAMILY_FAILURES, failure_reasons[i], NULL, 0, 0);
	for (size_t i = 0; i < ELEMENTSOF(suppress_reasons) && r >= 0; i++)
		r = add(metrics, FAMILY_SUPPRESSED, suppress_reasons[i], NULL, 0, 0);
	if (r >= 0)
		r = add(metrics, FAMILY_EXE, OTHER, NULL, 0, 0);
	return r >= 0 ? add(metrics, FAMILY_UNIT, OTHER, NULL, 0, 0) : r;
}

int metrics_new(struct metrics **ret_metrics) {
	_cleanup_(metrics_freep) struct metrics *metrics = calloc(1, sizeof(*metrics));
	int r;

	if (!metrics)
		return -ENOMEM;
	r = add_usual(metrics);
	if (r < 0)
		return r;
	*ret_metrics = take_ptr(metrics);
	return 0;
}

void metrics_free(struct metrics *metrics) {
	if (!metrics)
		return;
	for (size_t id = 0; id < _FAMILY_MAX; id++)
		for (size_t i = 0; i < metrics->families[id].n; i++)
			series_done(&metrics->families[id].series[i]);
	free(metrics->cursor);
	free(metrics);
}

/* ── what is counted ── */

/* A unit as a label: instances are one unit, and scopes have a new name each time. */
static void unit_label(const char *unit, char *buffer, size_t size) {
	const char *at = strchr(unit, '@'), *dot = strrchr(unit, '.');

	if (dot && streq(dot, ".scope"))
		snprintf(buffer, size, OTHER);
	else if (at && dot && at < dot)
		snprintf(buffer, size, "%.*s@%s", (int)MIN(at - unit, (ptrdiff_t)LABEL_BYTES_MAX / 2), unit, dot);
	else
		snprintf(buffer, size, "%s", unit);
}

int metrics_count_crash(struct metrics *metrics, const struct metrics_crash *crash) {
	char unit[LABEL_BYTES_MAX + 1];
	int r;

	r = add(metrics, FAMILY_CRASHES, crash->verdict ?: "unknown", crash->signal ?: "unknown", 1, crash->time_usec);
	if (r >= 0)
		r = add(metrics, FAMILY_EXE, crash->executable ?: OTHER, NULL, 1, crash->time_usec);
	if (r >= 0 && crash->unit) {
		unit_label(crash->unit, unit, sizeof(unit));
		r = add(metrics, FAMILY_UNIT, unit, NULL, 1, crash->time_usec);
	}
	if (r < 0)
		return r;
	metrics->last_crash_usec = MAX(metrics->last_crash_usec, crash->time_usec);
	return 0;
}

int metrics_count_outcome(struct metrics *metrics, const char *outcome, const char *core_state) {
	static const struct {
		const char *outcome, *core_state, *reason; /* core_state NULL: any */
	} rules[] = {
		{ "failed", "missing", "no-core" },    { "failed", "inaccessible", "no-core" }, { "failed", "none", "no-core" },
		{ "failed", NULL, "failed" },          { "partial", "truncated", "truncated-core" },
		{ "partial", NULL, "incomplete" },
	};

	for (size_t i = 0; i < ELEMENTSOF(rules) && outcome; i++)
		if (streq(outcome, rules[i].outcome) &&
		    (!rules[i].core_state || (core_state && streq(core_state, rules[i].core_state))))
			return add(metrics, FAMILY_FAILURES, rules[i].reason, NULL, 1, 0);
	return 0;
}

int metrics_count_suppressed(struct metrics *metrics, const char *reason, uint64_t n) {
	return add(metrics, FAMILY_SUPPRESSED, reason, NULL, MIN(n, COUNT_MAX), 0);
}

void metrics_observe(struct metrics *metrics, enum metrics_histogram which, uint64_t millionths) {
	struct histogram *histogram = &metrics->histograms[which];
	const uint64_t *bounds = histograms[which].bounds;
	size_t i = 0;

	while (i < BUCKETS_MAX && bounds[i] > 0 && millionths > bounds[i])
		i++;
	if (i == BUCKETS_MAX || bounds[i] == 0)
		i = BUCKETS_MAX;
	histogram->buckets[i] = MIN(histogram->buckets[i] + 1, COUNT_MAX);
	if (!add_u64(histogram->sum, millionths, &histogram->sum) || histogram->sum > COUNT_MAX)
		histogram->sum = COUNT_MAX;
}

const char *metrics_cursor(const struct metrics *metrics) {
	return metrics->cursor;
}

int metrics_set_cursor(struct metrics *metrics, const char *cursor) {
	char *copy = strdup(cursor);

	if (!copy)
		return -ENOMEM;
	free(metrics->cursor);
	metrics->cursor = copy;
	return 0;
}
