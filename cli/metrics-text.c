/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See metrics.h: the text that Prometheus reads. Order is that of the table, and within a family that of the first
 * crash: readers do not care. */
#include "cli/metrics-private.h"

#include <inttypes.h>

#include "util/io.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

/* Label values have three characters that must be escaped; control characters were cleaned before. */
static void write_label(FILE *out, const char *name, const char *value, const char *separator) {
	fprintf(out, "%s%s=\"", separator, name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', out);
		fputc(*value, out);
	}
	fputc('"', out);
}

static void write_millionths(FILE *out, uint64_t value) {
	int digits = 6;

	fprintf(out, "%" PRIu64, value / 1000000);
	if (value % 1000000 == 0)
		return;
	for (value %= 1000000; value % 10 == 0; digits--)
		value /= 10;
	fprintf(out, ".%0*" PRIu64, digits, value);
}

static void write_head(FILE *out, const char *name, const char *help, const char *type) {
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_family(FILE *out, const struct counts *counts, const struct family *family) {
	write_head(out, family->name, family->help, "counter");
	for (size_t i = 0; i < counts->n; i++) {
		const struct series *series = &counts->series[i];

		fputs(family->name, out);
		for (size_t k = 0; k < LABELS_MAX && family->labels[k]; k++)
			write_label(out, family->labels[k], series->labels[k], k == 0 ? "{" : ",");
		fprintf(out, "} %" PRIu64 "\n", series->value);
	}
}

static void write_histogram(FILE *out, const struct histogram *histogram, const struct histogram_kind *kind) {
	uint64_t count = 0;

	write_head(out, kind->name, kind->help, "histogram");
	for (size_t i = 0; i < BUCKETS_MAX && kind->bounds[i] > 0; i++) {
		count += histogram->buckets[i];
		fprintf(out, "%s_bucket{le=\"", kind->name);
		write_millionths(out, kind->bounds[i]);
		fprintf(out, "\"} %" PRIu64 "\n", count);
	}
	count += histogram->buckets[BUCKETS_MAX];
	fprintf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum ", kind->name, count, kind->name);
	write_millionths(out, histogram->sum);
	fprintf(out, "\n%s_count %" PRIu64 "\n", kind->name, count);
}

int metrics_render(const struct metrics *metrics, char **ret_text, size_t *ret_length) {
	_cleanup_free_ char *text = NULL;
	_cleanup_fclose_ FILE *out = NULL;
	size_t length;
	int r;

	out = open_memstream(&text, &length);
	if (!out)
		return -ENOMEM;
	for (size_t id = 0; id < _FAMILY_MAX; id++)
		write_family(out, &metrics->families[id], &families[id]);
	for (size_t i = 0; i < _HISTOGRAM_MAX; i++)
		write_histogram(out, &metrics->histograms[i], &histograms[i]);
	/* Without a crash there is no time: 0 would be 1970. */
	if (metrics->last_crash_usec > 0) {
		write_head(out, "corewatch_last_crash_timestamp_seconds", "When the last crash was reported.", "gauge");
		fputs("corewatch_last_crash_timestamp_seconds ", out);
		write_millionths(out, metrics->last_crash_usec);
		fputc('\n', out);
	}
	write_head(out, "corewatch_build_info", "The version that counts.", "gauge");
	fputs("corewatch_build_info", out);
	write_label(out, "version", PACKAGE_VERSION, "{");
	fputs("} 1\n", out);
	r = memstream_close(take_ptr(out), &text);
	if (r < 0)
		return r;
	*ret_text = take_ptr(text);
	*ret_length = length;
	return 0;
}
