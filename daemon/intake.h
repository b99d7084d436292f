/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of a journal entry: it is believed or not, done already, muted, too many, or it gets a worker, at once
 * or when its turn comes. Part of the manager; functions are called from the event loop only.
 */
#pragma once

#include "daemon/manager.h"
#include "daemon/suppress.h"

/* The follower's callbacks; userdata is the manager. */
bool intake_is_ready(void *userdata);
int intake_take(struct entry *entry, sd_journal *journal, void *userdata);

/* Starts workers for those that wait, while there are any free. 0 or -errno. */
int intake_next(struct manager *manager);

/*
 * The last word, when the report is made: its fingerprint is muted, or the signal's sender is one that is skipped.
 * True with a reason: do not send it.
 */
bool intake_is_unwanted(const struct manager *manager, const struct crash *crash, json_object *report,
                        enum suppress_reason *ret_reason);

/* Counts the crash instead of reporting it. Takes the ticket. 0 or -errno. */
int intake_suppress(struct manager *manager, const struct crash *crash, enum suppress_reason reason,
                    struct ticket *ticket);
