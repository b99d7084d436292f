/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding our reports in the journal. Reads only; what is found is checked before anybody sees it, as anyone may write
 * to a journal. */
#pragma once

#include <json-c/json.h>
#include <systemd/sd-journal.h>

#include "cli/options.h"

/* Opens what the options name (--file, --directory, --root, else the machine's journals) and sets all indexed matches. Tells
 * its errors. NULL arguments: none. */
int journal_open(const struct options *options, char **matches, size_t n_matches, sd_journal **ret);
static inline void journal_closep(sd_journal **j) {
	if (*j)
		sd_journal_close(*j);
}

/* One field's value; -ENOENT, -EFBIG. Caller frees. */
int entry_field(sd_journal *j, const char *name, char **ret_value);
/* The same, fit for a terminal. */
int entry_clean_field(sd_journal *j, const char *name, char **ret_value);
/* The report in the current entry: the whole one, or (brief) the one that may be shortened. One that is not trusted says
 * so itself (cli/trust.h). -EBADMSG: there is none that can be shown. */
int entry_report(sd_journal *j, const struct options *options, bool brief, json_object **ret_report);
/* What a line about it needs: report_parse_line(); likewise. */
int entry_report_line(sd_journal *j, const struct options *options, json_object **ret_report);

/*
 * Calls `each` on every matching entry, oldest first or as the options say, for at most `limit` (0: all) of the newest.
 * `each` returns 1 if it showed the entry, 0 if there was nothing to show (such entries do not count), or -errno, which
 * ends it. `usable` says beforehand what `each` would. The number shown, or -errno (told).
 */
struct journal_visitor {
	bool (*usable)(sd_journal *j, void *userdata);
	int (*each)(sd_journal *j, void *userdata);
	void *userdata;
};
int64_t journal_each(sd_journal *j, const struct options *options, char **matches, size_t n_matches, uint64_t limit,
                     const struct journal_visitor *visitor);
/* For visitors of reports: the entry has one that can be shown. */
bool entry_has_report(sd_journal *j, void *unused);
bool entry_has_report_line(sd_journal *j, void *unused);

/* Shows entries as they come, until `each` fails or the journal does; first those that after_cursor, -n or -S ask for.
 * `idle` (may be NULL) is called when there is nothing more for now, and returns 0 or -errno, which ends it.
 * -errno (told but for -EPIPE: the reader has gone; and -ECANCELED: it was asked to end). */
int journal_follow(sd_journal *j, const struct options *options, char **matches, size_t n_matches,
                   const struct journal_visitor *visitor, int (*idle)(void *userdata));

/* The same for a program with an event loop of its own: where it begins (1: the current entry is to be shown), and the
 * next one (1: there; 0: none for now). Or -errno, not told. */
int journal_begin(sd_journal *j, const struct options *options, char **matches, size_t n_matches,
                  const struct journal_visitor *visitor);
int journal_next(sd_journal *j, const struct options *options, char **matches, size_t n_matches);
/* Of the last entry, whatever it is. Caller frees. -ENOENT: the journal is empty. */
int journal_last_cursor(const struct options *options, char **ret_cursor);

/* "No crash reports found.", and why that may be. */
void journal_tell_nothing(const struct options *options);
