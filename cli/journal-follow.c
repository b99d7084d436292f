/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Following the journal, for watch, hook and notify: where it begins, and one entry after the other. Updates are shown as
 * they come, like all others. See journal.h.
 *
 * A saved cursor is the place of the last entry that was shown. It may have been vacuumed meanwhile: then sd_journal goes
 * to the nearest entry behind it, which was not shown yet.
 */
#include "cli/journal-private.h"
#include "util/log.h"

static const struct hidden nothing_hidden = {};

static int begin_behind_cursor(sd_journal *j, const struct options *o, char **matches, size_t n) {
	int r = sd_journal_seek_cursor(j, o->after_cursor);

	/* Only to see where we are; what matches is found by journal_step(), which goes forward once more. */
	if (r >= 0)
		r = sd_journal_next(j);
	if (r <= 0)
		return r;
	if (sd_journal_test_cursor(j, o->after_cursor) > 0)
		return journal_step(j, o, &nothing_hidden, matches, n, false);
	r = sd_journal_seek_cursor(j, o->after_cursor);
	return r < 0 ? r : journal_step(j, o, &nothing_hidden, matches, n, false);
}

int journal_begin(sd_journal *j, const struct options *o, char **matches, size_t n, const struct journal_visitor *v) {
	uint64_t count, limit = o->one ? 1 : o->has_lines ? o->lines : 0;
	int r;

	if (o->after_cursor)
		return begin_behind_cursor(j, o, matches, n);
	if (limit > 0)
		return journal_find_first(j, o, &nothing_hidden, matches, n, limit, v, &count);
	r = o->has_since ? journal_seek_oldest(j, o) : sd_journal_seek_tail(j);
	if (r < 0)
		return r;
	if (o->has_since)
		return journal_step(j, o, &nothing_hidden, matches, n, false);
	r = sd_journal_previous(j);
	/* None that matches yet: whatever comes is new. */
	if (r == 0)
		r = sd_journal_seek_head(j);
	return MIN(r, 0);
}

int journal_next(sd_journal *j, const struct options *o, char **matches, size_t n) {
	return journal_step(j, o, &nothing_hidden, matches, n, false);
}

int journal_follow(sd_journal *j, const struct options *o, char **matches, size_t n, const struct journal_visitor *v,
                   int (*idle)(void *userdata)) {
	int r = journal_begin(j, o, matches, n, v);

	while (r >= 0) {
		if (r > 0)
			r = v->each(j, v->userdata);
		if (r >= 0)
			r = journal_next(j, o, matches, n);
		if (r == 0 && idle)
			r = idle(v->userdata);
		if (r == 0) {
			r = sd_journal_wait(j, UINT64_MAX);
			r = MIN(r, 0);
		}
	}
	if (r != -EPIPE && r != -ECANCELED)
		log_error("cannot go on following the journal: %s", strerror(-r));
	return r;
}

int journal_last_cursor(const struct options *o, char **ret_cursor) {
	_cleanup_(journal_closep) sd_journal *j = NULL;
	int r = journal_open_files(o, &j);

	if (r >= 0)
		r = sd_journal_seek_tail(j);
	if (r >= 0)
		r = sd_journal_previous(j);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sd_journal_get_cursor(j, ret_cursor);
}
