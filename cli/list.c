/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* corewatchctl list: one line a crash, shaped like coredumpctl's; the last column is what happened, as far as the width
 * goes. With --merge there is a column for the host. */
#include "cli/field.h"
#include "cli/journal.h"
#include "cli/table.h"
#include "cli/when.h"
#include "report/json.h"
#include "report/report.h"

/* Of each column: heading, how it is shown, the member of the report, and its key in JSON. */
static const struct {
	struct table_column column;
	const char *path, *key;
} kinds[] = {
	{ { "TIME", 27, CELL_LEFT }, "time", "time" },
	{ { "HOST", 24, CELL_NAME }, NULL, "host" },
	{ { "PID", 10, CELL_RIGHT }, "process.pid", "pid" },
	{ { "UID", 10, CELL_RIGHT }, "process.user.id", "uid" },
	{ { "SIG", 12, CELL_LEFT }, "crash.signal.name", "sig" },
	{ { "VERDICT", 24, CELL_LEFT }, "verdict.id", "verdict" },
	{ { "EXE", 40, CELL_PATH }, "process.executable.path", "exe" },
	{ { "SUMMARY", SIZE_MAX, CELL_LEFT }, "verdict.summary", "summary" },
};
enum { COLUMN_TIME, COLUMN_HOST, COLUMN_PID, COLUMN_UID, COLUMN_SIGNAL, COLUMN_VERDICT, N_KINDS = ELEMENTSOF(kinds) };

struct list {
	const struct options *options;
	struct table_column columns[N_KINDS];
	size_t kinds[N_KINDS]; /* of each column */
	struct table table;
	json_object *array; /* for JSON; else NULL */
};

static void list_done(struct list *list) {
	table_done(&list->table);
	json_object_put(list->array);
}

static void choose_columns(struct list *list) {
	for (size_t k = 0; k < N_KINDS; k++) {
		if (k == COLUMN_HOST && !list->options->merge)
			continue;
		if (k == COLUMN_VERDICT)
			list->table.inked = list->table.n_columns;
		list->kinds[list->table.n_columns] = k;
		list->columns[list->table.n_columns++] = kinds[k].column;
	}
	list->table.columns = list->columns;
}

/* When it crashed; where the report does not say, when it was reported. */
static uint64_t time_of(sd_journal *j, json_object *report) {
	uint64_t usec = 0;

	if (!when_parse(json_get_string(report, "time") ?: "", &usec))
		sd_journal_get_realtime_usec(j, &usec);
	return usec;
}

/* journald's own field: a report may say what it wants. */
static char *host_of(sd_journal *j) {
	char *host;

	return entry_clean_field(j, "_HOSTNAME", &host) >= 0 ? host : NULL;
}

static int add_row(struct list *list, sd_journal *j, json_object *report) {
	const char *confidence = json_get_string(report, "verdict.confidence"), *cells[N_KINDS];
	enum ink ink = confidence && streq(confidence, "certain")    ? INK_BOLD
	               : confidence && streq(confidence, "possible") ? INK_DIM
	                                                             : INK_PLAIN;
	_cleanup_free_ char *host = list->options->merge ? host_of(j) : NULL;
	char when[WHEN_BYTES];

	for (size_t c = 0; c < list->table.n_columns; c++) {
		size_t kind = list->kinds[c];
		json_object *value = kinds[kind].path ? json_get(report, kinds[kind].path) : NULL;

		cells[c] = kind == COLUMN_TIME   ? when_local(time_of(j, report), when)
		           : kind == COLUMN_HOST ? host
		           : value               ? json_object_get_string(value)
		                                 : NULL;
	}
	return table_add(&list->table, ink, cells);
}

/* Keys and units as `coredumpctl --json`: time in microseconds, sig a number. */
static int add_json(struct list *list, sd_journal *j, json_object *report) {
	_cleanup_free_ char *host = host_of(j);
	json_object *item = json_object_new_object(), *value;
	int64_t number;
	int r;

	r = json_append(list->array, item);
	if (r >= 0)
		r = json_add_integer(item, "time", (int64_t)MIN(time_of(j, report), (uint64_t)INT64_MAX));
	if (r >= 0)
		r = json_add_string(item, "host", host, 256);
	for (size_t k = COLUMN_PID; k < N_KINDS && r >= 0; k++) {
		if (k == COLUMN_SIGNAL)
			r = json_get_integer(report, "crash.signal.number", &number)
			            ? json_add_integer(item, "sig", number)
			            : 0;
		else if ((value = json_get(report, kinds[k].path)))
			r = json_add(item, kinds[k].key, json_object_get(value));
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

	r = entry_report_line(j, list->options, &report);
	if (r < 0)
		return r == -EBADMSG || r == -EFBIG ? 0 : r;
	r = list->array ? add_json(list, j, report) : add_row(list, j, report);
	return r < 0 ? r : 1;
}

int verb_list(const struct options *o, char **matches, size_t n) {
	_cleanup_(list_done) struct list list = { .options = o };
	_cleanup_(journal_closep) sd_journal *j = NULL;
	uint64_t limit = o->one ? 1 : o->has_lines ? o->lines : 0;
	struct terminal terminal;

	if (o->field)
		return field_print(o, matches, n, limit);
	choose_columns(&list);
	if (o->json != JSON_OFF && !(list.array = json_object_new_array()))
		return EXIT_FAILURE;
	if (journal_open(o, matches, n, &j) < 0 ||
	    journal_each(j, o, matches, n, limit, &(struct journal_visitor){ entry_has_report_line, collect, &list }) < 0)
		return EXIT_FAILURE;
	if ((list.array ? json_object_array_length(list.array) : list.table.n) == 0) {
		journal_tell_nothing(o);
		return EXIT_FAILURE;
	}
	terminal_open(&terminal, !o->no_pager);
	if (list.array)
		printf("%s\n", report_to_json(list.array, o->json == JSON_PRETTY, NULL) ?: "[]");
	else
		table_print(&list.table, &terminal, !o->no_legend);
	return terminal_close(&terminal) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
