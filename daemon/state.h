/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What survives a restart: the cursor up to which everything is finished, how often which fingerprint was seen, and
 * what is muted. Three files in the state directory, written atomically; all may be missing or garbage at any time,
 * and so may the directory, which costs time, counts and mutes, never a crash report.
 */
#pragma once

#include "report/mute.h"

/* ── the low-water mark: jobs finish out of order, the cursor waits for the oldest ── */

struct progress;
struct ticket;

int progress_new(struct progress **ret_progress);
void progress_free(struct progress *progress);
DEFINE_CLEANUP(struct progress *, progress_free);

/* The next entry of the queue was taken up. Tickets are owned by the progress. 0 or -ENOMEM. */
int progress_begin(struct progress *progress, const char *cursor, struct ticket **ret_ticket);
/* This entry is finished; the ticket is gone. */
void progress_end(struct progress *progress, struct ticket *ticket);
/* Whether a ticket was made before another. */
bool progress_is_older(const struct ticket *ticket, const struct ticket *other);
/* The cursor of the last entry that is finished together with all before it; NULL: none yet. */
const char *progress_cursor(const struct progress *progress);

/* ── the files ── */

struct state;

/*
 * directory (borrowed) is created if it is missing. What is not usable, and be it the folder, is told in one line, and
 * the daemon goes without. 0 or -ENOMEM.
 */
int state_open(const char *directory, struct state **ret_state);
void state_free(struct state *state);
DEFINE_CLEANUP(struct state *, state_free);

/* The saved cursor, or NULL. */
const char *state_cursor(const struct state *state);
/*
 * Remembers the cursor; writes mutes, counts and then the cursor, as far as they changed. A folder that was taken away
 * is made again. 0 or -errno: nothing is lost, try again later.
 */
int state_save(struct state *state, const char *cursor);

/* What is muted; say so after a change. */
struct mutes *state_mutes(struct state *state);
void state_mutes_changed(struct state *state);

#define STATE_FINGERPRINTS_MAX 4096 /* the one not seen for the longest time makes room */
/*
 * Counts one more of this fingerprint. how often with this one, and when it was first seen. -EINVAL: not a
 * fingerprint.
 */
int state_count(struct state *state, const char *fingerprint, uint64_t time_usec, uint64_t *ret_seen,
                uint64_t *ret_first_usec);
