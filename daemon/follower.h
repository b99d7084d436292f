/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads systemd-coredump's entries, and mutes, out of the journal, one after the other and each once, as they come. It
 * decides nothing about them. The journal is the queue: while `ready` says no, nothing is read, and nothing is lost.
 */
#pragma once

#include <systemd/sd-event.h>
#include <systemd/sd-journal.h>

#include "daemon/config.h"
#include "daemon/entry.h"

struct follower;

struct follower_callbacks {
	/* Whether one more entry can be taken now. When that changes to yes, call follower_resume(). */
	bool (*ready)(void *userdata);
	/*
	 * Takes entry over; journal stands on it. READER_LARGE: it had large fields. An error ends the daemon: bad
	 * input is none.
	 */
	int (*take)(struct entry *entry, sd_journal *journal, void *userdata);
	void *userdata;
};

/*
 * cursor: the last entry that is finished, or NULL: then catch_up says where to begin. directory as above. Borrows
 * all but the event loop.
 */
int follower_new(sd_event *event, const char *directory, const char *cursor, enum catch_up catch_up,
                 const struct follower_callbacks *callbacks, struct follower **ret_follower);
void follower_free(struct follower *follower);
DEFINE_CLEANUP(struct follower *, follower_free);

/* Reads on, from the event loop. */
void follower_resume(struct follower *follower);
