/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* corewatchctl stats: how many reports there are, by what they say. Only the entries' flat fields are read. */
#include "cli/journal.h"
#include "cli/terminal.h"
#include "cli/when.h"
#include "report/json.h"
#include "report/report.h"
#include "util/log.h"
#include "util/text.h"

#include <inttypes.h>

/* Shown of each kind; all are in the JSON. */
#define SHOWN_MOST 10
#define DAYS_SHOWN 14
#define BAR_COLUMNS 30

/* What is counted: a heading, the field, and the key in JSON. Days come from the entry's time. */
enum kind { KIND_VERDICT, KIND_EXE, KIND_SIGNAL, KIND_CONFIDENCE, KIND_HOST, KIND_DAY, N_KINDS };
static const struct {
	const char *heading, *field, *key;
} kinds[N_KINDS] = {
	[KIND_VERDICT] = { "Verdicts", "COREWATCH_VERDICT", "verdicts" },
	[KIND_EXE] = { "Programs", "COREWATCH_EXE", "programs" },
	[KIND_SIGNAL] = { "Signals", "COREWATCH_SIGNAL_NAME", "signals" },
	[KIND_CONFIDENCE] = { "Confidence", "COREWATCH_CONFIDENCE", "confidence" },
	[KIND_HOST] = { "Hosts", "_HOSTNAME", "hosts" },
	[KIND_DAY] = { "Days", NULL, "days" },
};

struct stats {
	json_object *counts[N_KINDS]; /* {name: number} */
	uint64_t n, first, last;
};

static void stats_done(struct stats *stats) {
	for (size_t k = 0; k < N_KINDS; k++)
		json_object_put(stats->counts[k]);
}

static int count_one(json_object *counts, const char *name) {
	json_object *value;

	if (json_object_object_get_ex(counts, name, &value))
		return json_object_int_inc(value, 1) ? 0 : -ENOMEM;
	return json_add_integer(counts, name, 1);
}

static bool is_there(sd_journal *j _unused_, void *unused _unused_) {
	return true;
}

static int collect(sd_journal *j, void *userdata) {
	struct stats *stats = userdata;
	uint64_t usec;
	int r = sd_journal_get_realtime_usec(j, &usec);

	for (size_t k = 0; k < N_KINDS && r >= 0; k++) {
		_cleanup_free_ char *value = NULL;
		char day[WHEN_BYTES];

		if (!kinds[k].field) {
			r = count_one(stats->counts[k], when_day(usec, day));
			continue;
		}
		r = entry_clean_field(j, kinds[k].field, &value);
		if (r >= 0)
			r = count_one(stats->counts[k], value);
		else if (r != -ENOMEM)
			r = 0;
	}
	if (r < 0)
		return r;
	stats->first = stats->n == 0 ? usec : MIN(stats->first, usec);
	stats->last = MAX(stats->last, usec);
	stats->n++;
	return 1;
}

/* ── text ── */

struct entry {
	const char *name;
	int64_t count;
};

static int by_count(const void *a, const void *b) {
	const struct entry *x = a, *y = b;

	return x->count != y->count ? (x->count > y->count ? -1 : 1) : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b) {
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static struct entry *sorted(json_object *counts, int (*compare)(const void *, const void *), size_t *ret_n) {
	size_t n = (size_t)json_object_object_length(counts), i = 0;
	struct entry *entries = calloc(MAX(n, (size_t)1), sizeof(*entries));

	if (!entries)
		return NULL;
	json_object_object_foreach(counts, name, value) {
		if (i < n)
			entries[i++] = (struct entry){ name, json_object_get_int64(value) };
	}
	qsort(entries, i, sizeof(*entries), compare);
	*ret_n = i;
	return entries;
}

static void print_bar(const struct paint *paint, int64_t count, int64_t most) {
	/* At least one, so that something that was there is seen. */
	int64_t columns = most > 0 ? MAX(count * BAR_COLUMNS / most, INT64_C(1)) : 1;

	for (int64_t i = 0; i < columns; i++)
		paint_text(paint, INK_GREEN, "█");
}

static int print_kind(const struct paint *paint, const struct stats *stats, enum kind kind) {
	_cleanup_free_ struct entry *entries = NULL;
	int64_t most = 0;
	size_t n, from, to, width = 0;

	entries = sorted(stats->counts[kind], kind == KIND_DAY ? by_name : by_count, &n);
	if (!entries)
		return -ENOMEM;
	from = kind == KIND_DAY && n > DAYS_SHOWN ? n - DAYS_SHOWN : 0;
	to = kind == KIND_DAY ? n : MIN(n, (size_t)SHOWN_MOST);
	/* One host is no news. */
	if (n == 0 || (kind == KIND_HOST && n == 1))
		return 0;
	for (size_t i = from; i < to; i++) {
		most = MAX(most, entries[i].count);
		width = MAX(width, paint_columns(paint, entries[i].name));
	}
	width = MIN(width, (size_t)MAX(paint->style.width, 60u) - BAR_COLUMNS - 18);
	paint_heading(paint, kinds[kind].heading);
	for (size_t i = from; i < to; i++) {
		char number[40];

		paint_cell(paint, INK_PLAIN, text_group((uint64_t)entries[i].count, number, sizeof(number)), 9,
		           CELL_RIGHT);
		paint_blanks(paint, 2);
		paint_cell(paint, INK_PLAIN, entries[i].name, width, CELL_NAME);
		paint_blanks(paint, 2);
		print_bar(paint, entries[i].count, most);
		paint_line(paint);
	}
	if (to < n) {
		paint_format(paint, INK_DIM, "           and %zu more", n - to);
		paint_line(paint);
	}
	return 0;
}

static int print_text(const struct terminal *t, const struct stats *stats) {
	char number[40], a[WHEN_BYTES], b[WHEN_BYTES];
	int r = 0;

	paint_format(&t->paint, INK_BOLD, "%s report%s", text_group(stats->n, number, sizeof(number)),
	             stats->n == 1 ? "" : "s");
	paint_format(&t->paint, INK_PLAIN, " from %s to %s", when_local(stats->first, a), when_local(stats->last, b));
	paint_line(&t->paint);
	for (size_t k = 0; k < N_KINDS && r >= 0; k++)
		r = print_kind(&t->paint, stats, (enum kind)k);
	return r;
}

/* ── JSON ── */

static int print_json(const struct options *o, const struct stats *stats) {
	_cleanup_json_ json_object *item = json_object_new_object();
	const char *json;
	int r;

	if (!item)
		return -ENOMEM;
	r = json_add_integer(item, "reports", (int64_t)stats->n);
	if (r >= 0)
		r = json_add_integer(item, "first", (int64_t)stats->first);
	if (r >= 0)
		r = json_add_integer(item, "last", (int64_t)stats->last);
	for (size_t k = 0; k < N_KINDS && r >= 0; k++)
		r = json_add(item, kinds[k].key, json_object_get(stats->counts[k]));
	json = r >= 0 ? report_to_json(item, o->json == JSON_PRETTY, NULL) : NULL;
	if (!json)
		return -ENOMEM;
	printf("%s\n", json);
	return 0;
}

int verb_stats(const struct options *o, char **matches, size_t n) {
	_cleanup_(stats_done) struct stats stats = {};
	_cleanup_(journal_closep) sd_journal *j = NULL;
	struct terminal terminal;
	int r;

	for (size_t k = 0; k < N_KINDS; k++)
		if (!(stats.counts[k] = json_object_new_object()))
			return EXIT_FAILURE;
	if (journal_open(o, matches, n, &j) < 0 ||
	    journal_each(j, o, matches, n, o->one ? 1 : o->has_lines ? o->lines : 0,
	                 &(struct journal_visitor){ is_there, collect, &stats }) < 0)
		return EXIT_FAILURE;
	if (stats.n == 0) {
		journal_tell_nothing(o);
		return EXIT_FAILURE;
	}
	terminal_open(&terminal, !o->no_pager);
	r = o->json != JSON_OFF ? print_json(o, &stats) : print_text(&terminal, &stats);
	if (r < 0)
		log_error("cannot count the reports: %s", strerror(-r));
	return terminal_close(&terminal) < 0 || r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
