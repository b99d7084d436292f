/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* corewatchctl list: one line a crash, shaped like coredumpctl's; the last column is what happened, as far as the width
 * goes. */
#include "cli/field.h"
#include "cli/journal.h"
#include "cli/terminal.h"
#include "report/json.h"
#include "report/report.h"
#include "util/log.h"
#include "util/parse.h"

#include <inttypes.h>
#include <time.h>

enum column {
	COLUMN_TIME,
	COLUMN_PID,
	COLUMN_UID,
	COLUMN_SIGNAL,
	COLUMN_VERDICT,
	COLUMN_EXE,
	COLUMN_SUMMARY,
	N_COLUMNS
};

/* Of each column: heading, the member of the report, and at most how wide on a terminal. */
static const struct {
	const char *heading, *path, *key;
	size_t most;
	enum cell cell;
} columns[N_COLUMNS] = {
	[COLUMN_TIME] = { "TIME", "time", "time", 27, CELL_LEFT },
	[COLUMN_PID] = { "PID", "process.pid", "pid", 10, CELL_RIGHT },
	[COLUMN_UID] = { "UID", "process.user.id", "uid", 10, CELL_RIGHT },
	[COLUMN_SIGNAL] = { "SIG", "crash.signal.name", "sig", 12, CELL_LEFT },
	[COLUMN_VERDICT] = { "VERDICT", "verdict.id", "verdict", 24, CELL_LEFT },
	[COLUMN_EXE] = { "EXE", "process.executable.path", "exe", 40, CELL_NAME },
	[COLUMN_SUMMARY] = { "SUMMARY", "verdict.summary", "summary", SIZE_MAX, CELL_LEFT },
};
/* Less than this of a summary says nothing. */
#define SUMMARY_LEAST 16

struct row {
	char *cells[N_COLUMNS];
	enum ink ink;
};

struct list {
	const struct options *options;
	struct row *rows;
	size_t n, room;
	json_object *array; /* for JSON; else NULL */
};

static void list_done(struct list *list) {
	for (size_t i = 0; i < list->n; i++)
		for (size_t c = 0; c < N_COLUMNS; c++)
			free(list->rows[i].cells[c]);
	free(list->rows);
	json_object_put(list->array);
}

/* "2026-11-22T11:58:18.123Z" to seconds; our own form only. */
static bool parse_rfc3339(const char *s, time_t *ret) {
	struct tm tm = {};
	const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);

	if (!rest)
		return false;
	*ret = timegm(&tm);
	return true;
}

/* "Sun 2026-11-22 11:58:18 UTC", in the local zone, as all of systemd's tools print it. */
static char *local_time(const char *s) {
	char text[64];
	struct tm tm;
	time_t t;

	if (!parse_rfc3339(s, &t) || !localtime_r(&t, &tm) ||
	    strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		return strdup(s);
	return strdup(text);
}

static int add_row(struct list *list, json_object *report) {
	const char *confidence = json_get_string(report, "verdict.confidence");
	struct row row = { .ink = confidence && streq(confidence, "certain")    ? INK_BOLD
		                  : confidence && streq(confidence, "possible") ? INK_DIM
		                                                                : INK_PLAIN };

	if (list->n == list->room) {
		size_t room = MAX(list->room * 2, (size_t)64);
		struct row *rows = reallocarray(list->rows, room, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		list->rows = rows;
		list->room = room;
	}
	list->rows[list->n++] = row;
	for (size_t c = 0; c < N_COLUMNS; c++) {
		json_object *value = json_get(report, columns[c].path);
		const char *s = value ? json_object_get_string(value) : NULL;
		char *cell = c == COLUMN_TIME && s ? local_time(s) : strdup(s && *s ? s : "-");

		if (!cell)
			return -ENOMEM;
		list->rows[list->n - 1].cells[c] = cell;
	}
	return 0;
}

/* Keys and units as `coredumpctl --json`: time in microseconds, sig a number. */
static int add_json(struct list *list, sd_journal *j, json_object *report) {
	json_object *item = json_object_new_object(), *value;
	uint64_t usec;
	int64_t number;
	time_t t;
	int r;

	r = json_append(list->array, item);
	if (r >= 0 && parse_rfc3339(json_get_string(report, "time") ?: "", &t) && t >= 0)
		r = json_add_integer(item, "time", (int64_t)t * (int64_t)USEC_PER_SEC);
	else if (r >= 0 && sd_journal_get_realtime_usec(j, &usec) >= 0)
		r = json_add_integer(item, "time", (int64_t)usec);
	for (size_t c = COLUMN_PID; c < N_COLUMNS && r >= 0; c++) {
		if (c == COLUMN_SIGNAL)
			r = json_get_integer(report, "crash.signal.number", &number)
			            ? json_add_integer(item, "sig", number)
			            : 0;
		else if ((value = json_get(report, columns[c].path)))
			r = json_add(item, columns[c].key, json_object_get(value));
	}
	if (r >= 0)
		r = json_add_string(item, "confidence", json_get_string(report, "verdict.confidence"), 64);
	if (r >= 0)
		r = json_add_string(item, "fingerprint", json_get_string(report, "fingerprint.id"), 64);
	return r >= 0 ? json_add_string(item, "id", json_get_string(report, "report_id"), 64) : r;
}

static int collect(sd_journal *j, void *userdata) {
	_cleanup_json_ json_object *report = NULL;
	struct list *list = userdata;
	int r;

	r = entry_report(j, list->options, true, &report);
	if (r < 0)
		return r == -EBADMSG || r == -EFBIG ? 0 : r;
	r = list->array ? add_json(list, j, report) : add_row(list, report);
	return r < 0 ? r : 1;
}

/*
 * The columns' widths: as wide as their widest cell; the summary has what is left, or all it wants where nobody looks.
 */
static void measure(const struct list *list, const struct terminal *t, size_t widths[static N_COLUMNS]) {
	size_t sum = 0;

	for (size_t c = 0; c < N_COLUMNS; c++) {
		widths[c] = list->options->no_legend ? 0 : strlen(columns[c].heading);
		for (size_t i = 0; i < list->n; i++)
			widths[c] = MAX(widths[c], paint_columns(&t->paint, list->rows[i].cells[c]));
		if (t->is_terminal)
			widths[c] = MIN(widths[c], columns[c].most);
		if (c != COLUMN_SUMMARY)
			sum += widths[c] + 1;
	}
	if (t->is_terminal && sum + SUMMARY_LEAST > t->paint.style.width)
		widths[COLUMN_SUMMARY] = 0;
	else if (t->is_terminal)
		widths[COLUMN_SUMMARY] = MIN(widths[COLUMN_SUMMARY], t->paint.style.width - sum);
}

static void print_row(const struct terminal *t, enum ink ink, enum ink verdict_ink, const char *const *cells,
                      const size_t widths[static N_COLUMNS]) {
	for (size_t c = 0; c < N_COLUMNS; c++) {
		size_t last = widths[COLUMN_SUMMARY] > 0 ? COLUMN_SUMMARY : COLUMN_EXE;
		/* No blanks at the end of a line. */
		size_t width = c == last ? MIN(widths[c], paint_columns(&t->paint, cells[c])) : widths[c];

		if (c > last)
			break;
		if (c > 0)
			paint_blanks(&t->paint, 1);
		paint_cell(&t->paint, c == COLUMN_VERDICT ? verdict_ink : ink, cells[c], width, columns[c].cell);
	}
	paint_line(&t->paint);
}

static void print_list(const struct list *list, const struct terminal *t) {
	const char *headings[N_COLUMNS];
	size_t widths[N_COLUMNS];

	measure(list, t, widths);
	for (size_t c = 0; c < N_COLUMNS; c++)
		headings[c] = columns[c].heading;
	if (!list->options->no_legend)
		print_row(t, INK_BOLD, INK_BOLD, headings, widths);
	for (size_t i = 0; i < list->n; i++)
		print_row(t, INK_PLAIN, list->rows[i].ink, (const char *const *)list->rows[i].cells, widths);
}

int verb_list(const struct options *o, char **matches, size_t n) {
	_cleanup_(list_done) struct list list = { .options = o };
	_cleanup_(journal_closep) sd_journal *j = NULL;
	uint64_t limit = o->one ? 1 : o->has_lines ? o->lines : 0;
	struct terminal terminal;
	size_t found;

	if (o->field)
		return field_print(o, matches, n, limit);
	if (o->json != JSON_OFF && !(list.array = json_object_new_array()))
		return EXIT_FAILURE;
	if (journal_open(o, matches, n, &j) < 0 ||
	    journal_each(j, o, matches, n, limit, &(struct journal_visitor){ entry_has_report, collect, &list }) < 0)
		return EXIT_FAILURE;
	found = list.array ? json_object_array_length(list.array) : list.n;
	if (found == 0) {
		journal_tell_nothing(o);
		return EXIT_FAILURE;
	}
	terminal_open(&terminal, !o->no_pager);
	if (list.array)
		printf("%s\n", report_to_json(list.array, o->json == JSON_PRETTY, NULL) ?: "[]");
	else
		print_list(&list, &terminal);
	return terminal_close(&terminal) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
