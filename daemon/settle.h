/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When an entry is done with, and what is saved of that. Part of the manager: tickets end here, and the cursor behind
 * them is saved within a second or so, with others, for each save waits for the disk.
 */
#pragma once

#include "daemon/manager.h"

int settle_open(struct manager *manager); /* 0 or -errno */

/* Nothing is left to do for it. */
void settle(struct manager *manager, struct ticket *ticket);
/* Its entry was sent for the tries-th time; the ticket ends when that is found in the journal. */
void settle_when_stored(struct manager *manager, const struct triage_key *key, struct ticket *ticket, unsigned tries);
/* Something else changed that is to be saved. */
void settle_later(struct manager *manager);
/* At the end: what is known now is saved now. */
void settle_now(struct manager *manager);
