/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatchctl top: what crashes most. Reports with one fingerprint have one cause, in whatever build; each cause is a
 * line, with the last of its reports for an example. Only the entries' flat fields are read, but for the examples.
 */
#include "cli/journal.h"
#include "cli/table.h"
#include "cli/trust.h"
#include "cli/when.h"
#include "report/json.h"
#include "report/report.h"
#include "util/log.h"
#include "util/parse.h"

#include <inttypes.h>

/* Of a journal: every crash of a broken build farm may be a cause of its own. */
#define CAUSES_MAX 100000
/* Different hosts are counted up to here; further ones are "more". */
#define HOSTS_MAX 64

/* HOSTS is the last but one, for it is left out without --merge. */
static const struct table_column columns[] = {
	{ "COUNT", 10, CELL_RIGHT },  { "LAST SEEN", 27, CELL_LEFT },   { "VERDICT", 24, CELL_LEFT },
	{ "EXE", 40, CELL_PATH },     { "FINGERPRINT", 12, CELL_LEFT }, { "HOSTS", 24, CELL_NAME },
	{ "SUMMARY", SIZE_MAX, CELL_LEFT },
};
enum { COLUMN_HOSTS = 5, N_COLUMNS = ELEMENTSOF(columns) };

struct cause {
	char *fingerprint, *verdict, *executable, *summary, *id, *cursor;
	uint64_t count, seen, first, last;
	char *hosts[HOSTS_MAX];
	size_t n_hosts;
};

struct top {
	struct cause *causes;
	size_t n, room;
	size_t *index; /* open addressing over causes, index_room of them, SIZE_MAX free */
	size_t index_room;
};

static void cause_done(struct cause *c) {
	char **strings[] = { &c->fingerprint, &c->verdict, &c->executable, &c->summary, &c->id, &c->cursor };

	for (size_t i = 0; i < ELEMENTSOF(strings); i++)
		free(*strings[i]);
	for (size_t i = 0; i < c->n_hosts; i++)
		free(c->hosts[i]);
}

static void top_done(struct top *top) {
	for (size_t i = 0; i < top->n; i++)
		cause_done(&top->causes[i]);
	free(top->causes);
	free(top->index);
}

static size_t hash(const char *s) {
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	return (size_t)h;
}

/* The slot where this fingerprint is, or would be. */
static size_t slot_of(const struct top *top, const char *fingerprint) {
	size_t at = hash(fingerprint) & (top->index_room - 1);

	while (top->index[at] != SIZE_MAX && !streq(top->causes[top->index[at]].fingerprint, fingerprint))
		at = (at + 1) & (top->index_room - 1);
	return at;
}

static int grow(struct top *top) {
	size_t room = MAX(top->room * 2, (size_t)256);
	struct cause *causes = reallocarray(top->causes, room, sizeof(*causes));
	size_t *index;

	if (!causes)
		return -ENOMEM;
	top->causes = causes;
	index = reallocarray(top->index, room * 2, sizeof(*index));
	if (!index)
		return -ENOMEM;
	top->room = room;
	top->index = index;
	top->index_room = room * 2;
	memset(index, 0xff, room * 2 * sizeof(*index));
	for (size_t i = 0; i < top->n; i++)
		index[slot_of(top, causes[i].fingerprint)] = i;
	return 0;
}

static int find_cause(struct top *top, const char *fingerprint, struct cause **ret) {
	size_t slot;

	if (top->n == top->room && grow(top) < 0)
		return -ENOMEM;
	slot = slot_of(top, fingerprint);
	if (top->index[slot] == SIZE_MAX) {
		if (top->n >= CAUSES_MAX)
			return -E2BIG;
		top->causes[top->n] = (struct cause){ .fingerprint = strdup(fingerprint) };
		if (!top->causes[top->n].fingerprint)
			return -ENOMEM;
		top->index[slot] = top->n++;
	}
	*ret = &top->causes[top->index[slot]];
	return 0;
}

static int add_host(struct cause *cause, sd_journal *j) {
	_cleanup_free_ char *host = NULL;
	int r = entry_clean_field(j, "_HOSTNAME", &host);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; i < cause->n_hosts; i++)
		if (streq(cause->hosts[i], host))
			return 0;
	if (cause->n_hosts < HOSTS_MAX)
		cause->hosts[cause->n_hosts++] = take_ptr(host);
	return 0;
}

static int set_field(sd_journal *j, const char *name, char **ret) {
	char *value = NULL;
	int r = entry_clean_field(j, name, &value);

	if (r == -ENOMEM)
		return r;
	free(*ret);
	*ret = r < 0 ? NULL : value;
	return 0;
}

/* This one is the last so far: the example. */
static int set_example(struct cause *cause, sd_journal *j) {
	_cleanup_free_ char *cursor = NULL;
	int r = set_field(j, "COREWATCH_VERDICT", &cause->verdict);

	if (r >= 0)
		r = set_field(j, "COREWATCH_EXE", &cause->executable);
	if (r >= 0)
		r = set_field(j, "COREWATCH_ID", &cause->id);
	if (r >= 0)
		r = sd_journal_get_cursor(j, &cursor);
	if (r < 0)
		return r;
	free(cause->cursor);
	cause->cursor = take_ptr(cursor);
	return 0;
}

static bool has_fingerprint(sd_journal *j, void *unused _unused_) {
	_cleanup_free_ char *value = NULL;

	return entry_field(j, "COREWATCH_FINGERPRINT", &value) >= 0;
}

static int collect(sd_journal *j, void *userdata) {
	_cleanup_free_ char *fingerprint = NULL, *seen = NULL;
	struct top *top = userdata;
	struct cause *cause;
	uint64_t usec, number;
	int r;

	r = entry_clean_field(j, "COREWATCH_FINGERPRINT", &fingerprint);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = sd_journal_get_realtime_usec(j, &usec);
	if (r >= 0)
		r = find_cause(top, fingerprint, &cause);
	if (r == -E2BIG)
		return 0;
	if (r < 0)
		return r;
	if (entry_field(j, "COREWATCH_SEEN", &seen) >= 0 && parse_u64(seen, &number) >= 0)
		cause->seen = MAX(cause->seen, number);
	if (cause->count == 0 || usec < cause->first)
		cause->first = usec;
	if (cause->count++ == 0 || usec >= cause->last) {
		cause->last = usec;
		r = set_example(cause, j);
	}
	if (r >= 0)
		r = add_host(cause, j);
	return r < 0 ? r : 1;
}

static int compare(const void *a, const void *b) {
	const struct cause *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->last > y->last ? -1 : x->last < y->last;
}

static int compare_reverse(const void *a, const void *b) {
	return compare(b, a);
}

/* The example's summary; where there is none, its message. */
static int read_message(sd_journal *j, const struct options *o, struct cause *cause) {
	_cleanup_free_ char *message = NULL;
	int r = set_field(j, "MESSAGE", &message);

	if (r < 0 || !message || entry_is_trusted(j, o)) {
		cause->summary = take_ptr(message);
		return r;
	}
	r = asprintf(&cause->summary, "UNTRUSTED: %s", message);
	if (r < 0)
		cause->summary = NULL;
	return r < 0 ? -ENOMEM : 0;
}

static int read_summary(sd_journal *j, const struct options *o, struct cause *cause) {
	_cleanup_json_ json_object *report = NULL;
	const char *summary;

	if (sd_journal_seek_cursor(j, cause->cursor) < 0 || sd_journal_next(j) <= 0)
		return 0;
	if (entry_report_line(j, o, &report) >= 0 && (summary = json_get_string(report, "verdict.summary"))) {
		cause->summary = strdup(summary);
		return cause->summary ? 0 : -ENOMEM;
	}
	return read_message(j, o, cause);
}

/* The name of the only one, or how many. */
static const char *hosts_of(const struct cause *cause, char *buffer, size_t size) {
	if (cause->n_hosts == 1)
		return cause->hosts[0];
	snprintf(buffer, size, "%s%zu", cause->n_hosts == HOSTS_MAX ? "≥ " : "", cause->n_hosts);
	return buffer;
}

static int add_row(struct table *table, const struct cause *cause) {
	bool has_hosts = table->n_columns == N_COLUMNS;
	char count[32], when[WHEN_BYTES], hosts[32];

	snprintf(count, sizeof(count), "%" PRIu64, cause->count);
	return table_add(table, INK_BOLD,
	                 (const char *const[]){ count, when_local(cause->last, when), cause->verdict, cause->executable,
	                                        cause->fingerprint,
	                                        has_hosts ? hosts_of(cause, hosts, sizeof(hosts)) : cause->summary,
	                                        cause->summary });
}

static int add_json(json_object *array, const struct cause *cause) {
	json_object *item = json_object_new_object(), *hosts = json_object_new_array();
	int r = json_append(array, item);

	if (r >= 0)
		r = json_add_integer(item, "count", (int64_t)cause->count);
	if (r >= 0 && cause->seen > 0)
		r = json_add_integer(item, "seen", (int64_t)MIN(cause->seen, (uint64_t)INT64_MAX));
	if (r >= 0)
		r = json_add_integer(item, "first", (int64_t)cause->first);
	if (r >= 0)
		r = json_add_integer(item, "last", (int64_t)cause->last);
	if (r >= 0)
		r = json_add_string(item, "verdict", cause->verdict, 64);
	if (r >= 0)
		r = json_add_string(item, "exe", cause->executable, 4096);
	if (r >= 0)
		r = json_add_string(item, "fingerprint", cause->fingerprint, 64);
	if (r >= 0)
		r = json_add_string(item, "id", cause->id, 64);
	if (r >= 0)
		r = json_add_string(item, "summary", cause->summary, 1024);
	if (r < 0) {
		json_object_put(hosts);
		return r;
	}
	r = json_add(item, "hosts", hosts);
	for (size_t i = 0; i < cause->n_hosts && r >= 0; i++)
		r = json_append(hosts, json_object_new_string(cause->hosts[i]));
	return r;
}

static int print(const struct options *o, struct top *top, sd_journal *j) {
	struct table_column shown[N_COLUMNS];
	_cleanup_(table_done) struct table table = { .columns = shown, .n_columns = N_COLUMNS - !o->merge, .inked = 2 };
	_cleanup_json_ json_object *array = o->json == JSON_OFF ? NULL : json_object_new_array();
	size_t n = o->has_lines ? (size_t)MIN(o->lines, (uint64_t)top->n) : top->n;
	struct terminal terminal;
	int r = 0;

	memcpy(shown, columns, sizeof(shown));
	if (!o->merge)
		shown[COLUMN_HOSTS] = columns[COLUMN_HOSTS + 1];
	qsort(top->causes, top->n, sizeof(*top->causes), o->reverse ? compare_reverse : compare);
	/* The examples are found by their cursors, whatever matches there are. */
	sd_journal_flush_matches(j);
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = read_summary(j, o, &top->causes[i]);
		if (r >= 0)
			r = array ? add_json(array, &top->causes[i]) : add_row(&table, &top->causes[i]);
	}
	if (r < 0) {
		log_error("cannot list the causes: %s", strerror(-r));
		return r;
	}
	terminal_open(&terminal, !o->no_pager);
	if (o->json != JSON_OFF)
		printf("%s\n", report_to_json(array, o->json == JSON_PRETTY, NULL) ?: "[]");
	else
		table_print(&table, &terminal, !o->no_legend);
	return terminal_close(&terminal);
}

int verb_top(const struct options *o, char **matches, size_t n) {
	_cleanup_(journal_closep) sd_journal *j = NULL;
	_cleanup_(top_done) struct top top = {};
	struct options all = *o;

	/* -n and -r are about causes here. */
	all.has_lines = all.reverse = false;
	if (journal_open(&all, matches, n, &j) < 0 ||
	    journal_each(j, &all, matches, n, 0, &(struct journal_visitor){ has_fingerprint, collect, &top }) < 0)
		return EXIT_FAILURE;
	if (top.n == 0) {
		journal_tell_nothing(o);
		return EXIT_FAILURE;
	}
	return print(o, &top, j) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
