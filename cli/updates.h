/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports that were updated: an entry with the updates' message id supersedes those with the same report id. Only the
 * newest is shown.
 *
 * Anyone may write to a journal. An update is believed from root, or from whoever sent the report that it supersedes: a
 * user can hide reports of his own crashes, and nobody else's.
 */
#pragma once

#include <systemd/sd-journal.h>

#include "util/macro.h"

struct updates;

/* Reads all updates up to `until` (realtime, microseconds). Opens nothing: j is a journal without matches, whose
 * position is lost. 0 or -errno. */
int updates_read(sd_journal *j, uint64_t until, struct updates **ret_updates);
void updates_free(struct updates *updates);
DEFINE_CLEANUP(struct updates *, updates_free);

/* Whether the current entry of j is superseded by one of them. NULL: there are none. */
bool updates_supersede(const struct updates *updates, sd_journal *j);
