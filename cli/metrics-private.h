/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between metrics-count.c, metrics-text.c and metrics-state.c: the counters as they lie in memory, and the table of
 * what there is. */
#pragma once

#include "cli/metrics.h"

/* Verdicts times signals: some 40 pairs are usual. Plug-ins bring words of their own. */
#define SERIES_MAX 256
#define LABELS_MAX 2
/* Paths in full, nearly always; Prometheus stores each label value once. */
#define LABEL_BYTES_MAX 255
/* Prometheus holds numbers as doubles: up to here each is itself. */
#define COUNT_MAX (UINT64_C(1) << 53)
#define BUCKETS_MAX 12

enum family_id { FAMILY_CRASHES, FAMILY_EXE, FAMILY_UNIT, FAMILY_FAILURES, FAMILY_SUPPRESSED, _FAMILY_MAX };

struct series {
	char *labels[LABELS_MAX];
	uint64_t value, last_usec;
};

struct counts {
	struct series series[SERIES_MAX];
	size_t n;
};

struct histogram {
	uint64_t buckets[BUCKETS_MAX + 1]; /* not cumulative; the one behind the last bound is the rest */
	uint64_t sum;                      /* millionths */
};

struct metrics {
	struct counts families[_FAMILY_MAX];
	struct histogram histograms[_HISTOGRAM_MAX];
	uint64_t last_crash_usec;
	char *cursor;
};

extern const struct family {
	const char *name, *help;
	const char *labels[LABELS_MAX]; /* the second may be NULL */
	size_t series_max;              /* "other" comes on top */
} families[_FAMILY_MAX];

extern const struct histogram_kind {
	const char *name, *help;
	uint64_t bounds[BUCKETS_MAX]; /* millionths, ascending; 0 ends them */
} histograms[_HISTOGRAM_MAX];

/* The series with these labels, which are clean. 0, -ENOENT (there is none, and no place), -ENOMEM. */
int counts_find(struct metrics *metrics, enum family_id id, const char *const labels[LABELS_MAX], uint64_t time_usec,
                struct series **ret_series);
