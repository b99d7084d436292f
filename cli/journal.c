/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See journal.h. Matches of the form FIELD=value, units and our message ids are indexed by journald; words (a report's
 * id, a pid, a name) are compared here. Data is fetched field by field: enumerating all of an entry could inflate other
 * people's fields of any size.
 */
#include "cli/journal.h"
#include "cli/journal-private.h"

#include "cli/once.h"
#include "cli/trust.h"
#include "cli/updates.h"
#include "report/json.h"
#include "report/report.h"
#include "util/log.h"
#include "util/parse.h"
#include "util/protocol.h"
#include "util/text.h"

/* Shorter beginnings of a report's id or fingerprint could be anything. */
#define ID_PREFIX_LEAST 4

static const char *const our_ids[] = { COREWATCH_MESSAGE_ID_REPORT, COREWATCH_MESSAGE_ID_FAILED,
                                        COREWATCH_MESSAGE_ID_UPDATED };

/* ── opening ── */

static int add_match(sd_journal *j, const char *name, const char *value) {
	_cleanup_free_ char *match = NULL;

	if (asprintf(&match, "%s=%s", name, value) < 0) {
		match = NULL;
		return -ENOMEM;
	}
	return sd_journal_add_match(j, match, 0);
}

/* "foo" is foo.service, as for systemctl. Reports of users' units have another field. */
static int add_unit(sd_journal *j, const char *unit) {
	_cleanup_free_ char *name = NULL;
	int r;

	if (asprintf(&name, "%s%s", unit, strchr(unit, '.') ? "" : ".service") < 0) {
		name = NULL;
		return -ENOMEM;
	}
	r = add_match(j, "OBJECT_SYSTEMD_UNIT", name);
	if (r >= 0)
		r = sd_journal_add_disjunction(j);
	return r >= 0 ? add_match(j, "OBJECT_SYSTEMD_USER_UNIT", name) : r;
}

static bool is_field_match(const char *s) {
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n > 0 && s[n] == '=' && !(s[0] >= '0' && s[0] <= '9');
}

static int add_matches(sd_journal *j, const struct options *o, char **matches, size_t n) {
	int r = 0;

	/* The unit is an alternative of two fields, so it stands in a group of its own. */
	if (o->unit) {
		r = add_unit(j, o->unit);
		if (r >= 0)
			r = sd_journal_add_conjunction(j);
	}
	if (o->host && r >= 0)
		r = add_match(j, "_HOSTNAME", o->host);
	for (size_t i = 0; i < ELEMENTSOF(our_ids) && r >= 0; i++)
		r = add_match(j, "MESSAGE_ID", our_ids[i]);
	if (r >= 0)
		r = add_match(j, "SYSLOG_IDENTIFIER", "corewatch");
	for (size_t i = 0; i < n && r >= 0; i++)
		if (is_field_match(matches[i])) {
			r = sd_journal_add_match(j, matches[i], 0);
			if (r < 0)
				log_error("bad match '%s': %s", matches[i], strerror(-r));
		}
	return r;
}

int journal_open(const struct options *o, char **matches, size_t n, sd_journal **ret) {
	_cleanup_(journal_closep) sd_journal *j = NULL;
	int r;

	r = journal_open_files(o, &j);
	if (r < 0)
		return r;
	/* 0 is "no limit": a cut report is no report. The limit is entry_field()'s. */
	r = sd_journal_set_data_threshold(j, 0);
	if (r >= 0)
		r = add_matches(j, o, matches, n);
	if (r < 0)
		return r;
	*ret = take_ptr(j);
	return 0;
}

/* ── entries ── */

int entry_field(sd_journal *j, const char *name, char **ret_value) {
	const void *data;
	size_t length, n = strlen(name) + 1;
	char *value;
	int r;

	r = sd_journal_get_data(j, name, &data, &length);
	if (r < 0)
		return r;
	if (length < n)
		return -EBADMSG;
	if (length - n > RECORDS_MAX)
		return -EFBIG;
	value = strndup((const char *)data + n, length - n);
	if (!value)
		return -ENOMEM;
	*ret_value = value;
	return 0;
}

int entry_clean_field(sd_journal *j, const char *name, char **ret_value) {
	_cleanup_free_ char *value = NULL;
	int r = entry_field(j, name, &value);

	if (r < 0)
		return r;
	*ret_value = text_clean_dup(value, strlen(value));
	return *ret_value ? 0 : -ENOMEM;
}

static bool field_is(sd_journal *j, const char *name, const char *const *values, size_t n) {
	_cleanup_free_ char *value = NULL;

	if (entry_field(j, name, &value) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (streq(value, values[i]))
			return true;
	return false;
}

static bool entry_is_ours(sd_journal *j, const struct options *o) {
	static const char *const identifier[] = { "corewatch" };

	/* Each look at a field may unpack the beginning of all that journald has packed. The matches have found these two, but who
	 * may write what he wants may give a field a second value, of 128 MiB: who sent the entry is journald's word, and short. */
	return o->untrusted ? field_is(j, "MESSAGE_ID", our_ids, ELEMENTSOF(our_ids)) && field_is(j, "SYSLOG_IDENTIFIER", identifier, 1) :
			      entry_is_trusted(j, o);
}

static int read_report(sd_journal *j, bool brief, json_object **ret_report) {
	_cleanup_free_ char *json = NULL;
	int r;

	if (!brief) {
		r = entry_field(j, "COREWATCH_REPORT_FULL", &json);
		if (r >= 0)
			r = report_parse(json, strlen(json), ret_report);
		if (r >= 0)
			return 0;
		free(take_ptr(json));
	}
	r = entry_field(j, "COREWATCH_REPORT", &json);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	return report_parse(json, strlen(json), ret_report);
}

static int mark(sd_journal *j, const struct options *o, json_object *report) {
	/* Without --untrusted the walk passes over all others. */
	return !o->untrusted || entry_is_trusted(j, o) ? 0 : entry_mark_untrusted(j, report);
}

int entry_report(sd_journal *j, const struct options *o, bool brief, json_object **ret_report) {
	_cleanup_json_ json_object *report = NULL;
	int r = read_report(j, brief, &report);

	if (r >= 0)
		r = mark(j, o, report);
	if (r < 0)
		return r;
	*ret_report = take_ptr(report);
	return 0;
}

static int read_report_line(sd_journal *j, json_object **ret_report) {
	_cleanup_free_ char *json = NULL;
	int r = entry_field(j, "COREWATCH_REPORT", &json);

	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	return report_parse_line(json, strlen(json), ret_report);
}

int entry_report_line(sd_journal *j, const struct options *o, json_object **ret_report) {
	_cleanup_json_ json_object *report = NULL;
	int r = read_report_line(j, &report);

	if (r >= 0)
		r = mark(j, o, report);
	if (r < 0)
		return r;
	*ret_report = take_ptr(report);
	return 0;
}

bool entry_has_report_line(sd_journal *j, void *unused _unused_) {
	_cleanup_json_ json_object *report = NULL;

	return read_report_line(j, &report) >= 0;
}

bool entry_has_report(sd_journal *j, void *unused _unused_) {
	_cleanup_json_ json_object *report = NULL;

	return read_report(j, true, &report) >= 0;
}

/* ── words ── */

static bool field_equals(sd_journal *j, const char *name, const char *value) {
	return field_is(j, name, &value, 1);
}

static bool field_begins(sd_journal *j, const char *name, const char *word) {
	_cleanup_free_ char *value = NULL;

	return entry_field(j, name, &value) >= 0 && str_has_prefix(value, word);
}

/* The kernel keeps 15 characters of a process's name; the path has all. */
static bool is_program(sd_journal *j, const char *name) {
	_cleanup_free_ char *path = NULL;
	const char *slash;

	if (field_equals(j, "COREWATCH_COMM", name))
		return true;
	if (entry_field(j, "COREWATCH_EXE", &path) < 0)
		return false;
	slash = strrchr(path, '/');
	return slash && streq(slash + 1, name);
}

static bool word_matches(sd_journal *j, const char *word) {
	size_t n = strlen(word);
	int32_t pid;

	if (strchr(word, '/'))
		return field_equals(j, "COREWATCH_EXE", word);
	if (parse_pid(word, &pid) >= 0 && field_equals(j, "COREWATCH_PID", word))
		return true;
	if (n >= ID_PREFIX_LEAST && n <= 32 && is_hex(word, n) &&
	    (field_begins(j, "COREWATCH_ID", word) || field_begins(j, "COREWATCH_FINGERPRINT", word)))
		return true;
	return is_program(j, word);
}

/* Words are alternatives to each other: `info 4711 bash` shows both. */
static bool words_match(sd_journal *j, char **matches, size_t n) {
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (is_field_match(matches[i]))
			continue;
		if (word_matches(j, matches[i]))
			return true;
		any = true;
	}
	return !any;
}

/* ── the walk ── */

int journal_step(sd_journal *j, const struct options *o, const struct hidden *hidden, char **matches, size_t n,
                 bool back) {
	for (;;) {
		uint64_t t;
		int r = back ? sd_journal_previous(j) : sd_journal_next(j);

		if (r <= 0)
			return r;
		r = sd_journal_get_realtime_usec(j, &t);
		if (r < 0)
			return r;
		if ((back && o->has_since && t < o->since) || (!back && o->has_until && t > o->until))
			return 0;
		if ((o->has_since && t < o->since) || (o->has_until && t > o->until))
			continue;
		if (!entry_is_ours(j, o) || !words_match(j, matches, n) || updates_supersede(hidden->updates, j))
			continue;
		r = hidden->once ? once_add(hidden->once, j, o) : 1;
		if (r != 0)
			return r;
	}
}

static int seek_newest(sd_journal *j, const struct options *o) {
	return o->has_until && o->until < UINT64_MAX ? sd_journal_seek_realtime_usec(j, o->until + 1)
	                                             : sd_journal_seek_tail(j);
}

int journal_seek_oldest(sd_journal *j, const struct options *o) {
	return o->has_since ? sd_journal_seek_realtime_usec(j, o->since) : sd_journal_seek_head(j);
}

int journal_find_first(sd_journal *j, const struct options *o, const struct hidden *hidden, char **matches, size_t n,
                       uint64_t limit, const struct journal_visitor *v, uint64_t *ret_count) {
	uint64_t count = 0;
	int r = seek_newest(j, o);

	while (r >= 0 && count < limit) {
		r = journal_step(j, o, hidden, matches, n, true);
		if (r <= 0)
			break;
		count += v->usable(j, v->userdata);
	}
	*ret_count = count;
	/* The way forward meets them all again. */
	once_clear(hidden->once);
	if (r < 0 || count == 0)
		return r < 0 ? r : 0;
	if (count == limit)
		return hidden->once ? once_add(hidden->once, j, o) : 1;
	/* It went past the oldest one: begin at the beginning. */
	r = journal_seek_oldest(j, o);
	return r < 0 ? r : journal_step(j, o, hidden, matches, n, false);
}

static int64_t walk(sd_journal *j, const struct options *o, const struct hidden *hidden, char **matches, size_t n,
                    uint64_t limit, const struct journal_visitor *v) {
	uint64_t most = limit > 0 ? limit : UINT64_MAX, done = 0;
	bool back = o->reverse;
	int r;

	if (back || limit == 0) {
		r = back ? seek_newest(j, o) : journal_seek_oldest(j, o);
		if (r >= 0)
			r = journal_step(j, o, hidden, matches, n, back);
	} else
		/* Entries that come in meanwhile are not counted in. */
		r = journal_find_first(j, o, hidden, matches, n, limit, v, &most);
	while (r > 0 && done < most) {
		r = v->each(j, v->userdata);
		if (r < 0)
			return r;
		done += (uint64_t)r;
		if (done < most)
			r = journal_step(j, o, hidden, matches, n, back);
	}
	return r < 0 ? r : (int64_t)MIN(done, (uint64_t)INT64_MAX);
}

/* On one's own machine there is one entry of each. */
static bool may_have_copies(const struct options *o) {
	return o->merge || o->directory || o->n_files > 0;
}

int64_t journal_each(sd_journal *j, const struct options *o, char **matches, size_t n, uint64_t limit,
                     const struct journal_visitor *v) {
	_cleanup_(updates_freep) struct updates *updates = NULL;
	_cleanup_(journal_closep) sd_journal *all = NULL;
	_cleanup_(once_freep) struct once *once = NULL;
	int64_t r = journal_open_files(o, &all);

	if (r < 0)
		return r;
	r = updates_read(all, o, &updates);
	if (r >= 0 && may_have_copies(o))
		r = once_new(&once);
	if (r >= 0)
		r = walk(j, o, &(struct hidden){ updates, once }, matches, n, limit, v);
	if (r < 0)
		log_error("cannot go on reading the journal: %s", strerror((int)-r));
	return r;
}
