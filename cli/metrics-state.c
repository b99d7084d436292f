/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See metrics.h: counters as a JSON text and back. It is our own file, and may still be damaged or somebody else's:
 * what does not make sense is refused as a whole, as figures that are half right help nobody.
 */
#include "cli/metrics-private.h"
#include "report/json.h"
#include "report/report.h"
#include "util/text.h"

#define FORMAT "corewatch.metrics/1"
/* Object, family, series, labels. */
#define DEPTH_MAX 8
/* All series with their labels, and the histograms. */
#define VALUES_MAX 16384
#define CURSOR_MAX 1024

/* ── writing ── */

static int save_series(json_object *array, const struct series *series) {
	json_object *item = json_object_new_object(), *labels;
	int r = json_append(array, item);

	if (r < 0)
		return r;
	labels = json_object_new_array();
	r = json_add(item, "labels", labels);
	for (size_t i = 0; i < LABELS_MAX && series->labels[i] && r >= 0; i++)
		r = json_append(labels, json_object_new_string(series->labels[i]));
	if (r >= 0)
		r = json_add_integer(item, "value", (int64_t)series->value);
	return r >= 0 ? json_add_integer(item, "last", (int64_t)series->last_usec) : r;
}

static int save_histogram(json_object *document, const struct histogram *histogram, const char *name) {
	json_object *item = json_object_new_object(), *buckets;
	int r = json_add(document, name, item);

	if (r < 0)
		return r;
	buckets = json_object_new_array();
	r = json_add(item, "buckets", buckets);
	for (size_t i = 0; i <= BUCKETS_MAX && r >= 0; i++)
		r = json_append(buckets, json_object_new_int64((int64_t)histogram->buckets[i]));
	return r >= 0 ? json_add_integer(item, "sum", (int64_t)histogram->sum) : r;
}

static int save_family(json_object *document, const struct counts *counts, const char *name) {
	json_object *array = json_object_new_array();
	int r = json_add(document, name, array);

	for (size_t i = 0; i < counts->n && r >= 0; i++)
		r = save_series(array, &counts->series[i]);
	return r;
}

int metrics_save(const struct metrics *metrics, char **ret_text, size_t *ret_length) {
	_cleanup_json_ json_object *document = json_object_new_object();
	const char *json;
	char *text;
	int r;

	if (!document)
		return -ENOMEM;
	r = json_add_string(document, "format", FORMAT, CURSOR_MAX);
	if (r >= 0)
		r = json_add_string(document, "cursor", metrics->cursor, CURSOR_MAX);
	if (r >= 0)
		r = json_add_integer(document, "last_crash", (int64_t)metrics->last_crash_usec);
	for (size_t id = 0; id < _FAMILY_MAX && r >= 0; id++)
		r = save_family(document, &metrics->families[id], families[id].name);
	for (size_t i = 0; i < _HISTOGRAM_MAX && r >= 0; i++)
		r = save_histogram(document, &metrics->histograms[i], histograms[i].name);
	if (r < 0)
		return r;
	json = report_to_json(document, false, NULL);
	if (!json || asprintf(&text, "%s\n", json) < 0)
		return -ENOMEM;
	*ret_text = text;
	*ret_length = strlen(text);
	return 0;
}

/* ── reading ── */

static int read_count(json_object *value, uint64_t *ret) {
	int64_t n;

	if (!json_object_is_type(value, json_type_int))
		return -EBADMSG;
	n = json_object_get_int64(value);
	if (n < 0 || n > (int64_t)COUNT_MAX)
		return -EBADMSG;
	*ret = (uint64_t)n;
	return 0;
}

/* A label as text_clean() leaves it, or the file was not ours. */
static const char *read_label(json_object *labels, size_t i) {
	json_object *value = json_object_array_get_idx(labels, i);
	const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
	char clean[LABEL_BYTES_MAX + 1];

	if (!text || strlen(text) > LABEL_BYTES_MAX)
		return NULL;
	text_clean(text, strlen(text), clean, sizeof(clean));
	return streq(text, clean) ? text : NULL;
}

static int load_series(struct metrics *metrics, enum family_id id, json_object *item) {
	json_object *labels = json_get_array(item, "labels");
	const char *words[LABELS_MAX] = {};
	struct series *series;
	uint64_t value, last;
	size_t n = families[id].labels[1] ? 2 : 1;
	int r;

	if (!labels || json_object_array_length(labels) != n || read_count(json_get(item, "value"), &value) < 0 ||
	    read_count(json_get(item, "last"), &last) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		if (!(words[i] = read_label(labels, i)))
			return -EBADMSG;
	/* Time 0: nobody loses a place here. */
	r = counts_find(metrics, id, words, 0, &series);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	series->value = value;
	series->last_usec = last;
	return 0;
}

static int load_family(struct metrics *metrics, enum family_id id, json_object *document) {
	json_object *array = json_get_array(document, families[id].name);
	int r = array && json_object_array_length(array) <= SERIES_MAX ? 0 : -EBADMSG;

	for (size_t i = 0; r >= 0 && i < json_object_array_length(array); i++)
		r = load_series(metrics, id, json_object_array_get_idx(array, i));
	return r;
}

static int load_histogram(struct metrics *metrics, enum metrics_histogram which, json_object *document) {
	struct histogram *histogram = &metrics->histograms[which];
	json_object *item = json_get_object(document, histograms[which].name), *buckets;
	int r;

	buckets = item ? json_get_array(item, "buckets") : NULL;
	if (!buckets || json_object_array_length(buckets) != BUCKETS_MAX + 1)
		return -EBADMSG;
	r = read_count(json_get(item, "sum"), &histogram->sum);
	for (size_t i = 0; i <= BUCKETS_MAX && r >= 0; i++)
		r = read_count(json_object_array_get_idx(buckets, i), &histogram->buckets[i]);
	return r;
}

static int load_all(struct metrics *metrics, json_object *document) {
	const char *format = json_get_string(document, "format"), *cursor = json_get_string(document, "cursor");
	int r;

	if (!format || !streq(format, FORMAT))
		return -EBADMSG;
	/* Its letters are journald's; "=" is in each of them. */
	if (cursor && (!strchr(cursor, '=') || cursor[strspn(cursor, "abcdefghijklmnopqrstuvwxyz0123456789=;")]))
		return -EBADMSG;
	r = read_count(json_get(document, "last_crash"), &metrics->last_crash_usec);
	for (size_t id = 0; id < _FAMILY_MAX && r >= 0; id++)
		r = load_family(metrics, (enum family_id)id, document);
	for (size_t i = 0; i < _HISTOGRAM_MAX && r >= 0; i++)
		r = load_histogram(metrics, (enum metrics_histogram)i, document);
	return r >= 0 && cursor ? metrics_set_cursor(metrics, cursor) : r;
}

int metrics_load(const char *text, size_t length, struct metrics **ret_metrics) {
	_cleanup_(metrics_freep) struct metrics *metrics = NULL;
	_cleanup_json_ json_object *document = NULL;
	int r;

	if (length > METRICS_STATE_MAX)
		return -EBADMSG;
	r = json_parse(text, length, DEPTH_MAX, VALUES_MAX, &document);
	if (r >= 0)
		r = metrics_new(&metrics);
	if (r >= 0)
		r = load_all(metrics, document);
	if (r < 0)
		return r;
	*ret_metrics = take_ptr(metrics);
	return 0;
}
