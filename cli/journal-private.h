/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between journal.c, journal-open.c and journal-follow.c. */
#pragma once

#include <systemd/sd-journal.h>

#include "cli/journal.h"
#include "cli/once.h"
#include "cli/options.h"
#include "cli/updates.h"

/* Without matches. Tells its errors. */
int journal_open_files(const struct options *options, sd_journal **ret);

/* What is passed over though it matches: reports that an update supersedes, and copies. NULL: none. */
struct hidden {
	const struct updates *updates;
	struct once *once;
};

/* To the neighbour that may be shown. 1: there; 0: no more; or -errno. */
int journal_step(sd_journal *j, const struct options *options, const struct hidden *hidden, char **matches, size_t n,
                 bool back);
/* To before the first entry that -S allows. 0 or -errno. */
int journal_seek_oldest(sd_journal *j, const struct options *options);
/* Goes back until the limit-th newest usable entry is the current one. 1: it is; 0: there are none. */
int journal_find_first(sd_journal *j, const struct options *options, const struct hidden *hidden, char **matches,
                       size_t n, uint64_t limit, const struct journal_visitor *visitor, uint64_t *ret_count);
