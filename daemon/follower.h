/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads systemd-coredump's entries out of the journal, one after the other and each once, as they come. It decides
 * nothing about them. The journal is the queue: while `ready` says no, nothing is read, and nothing is lost.
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
	/* Takes entry over. An error ends the daemon: bad input is none. */
	int (*take)(struct entry *entry, void *userdata);
	void *userdata;
};

/* The local journal, or the files of a directory (tests). 0 or -errno. */
int journal_open(const char *directory, sd_journal **ret_journal);

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

/* Within `take` only: counts every value of every field, where a forger may have sent some twice. 0, -EFBIG if it is
 * more than systemd-coredump sends, or -errno. */
int follower_count_fields(struct follower *follower, struct entry *entry);
/* Within `take` only: the current entry's COREDUMP= as a memfd. fd, -EFBIG beyond max, or -errno. */
int follower_copy_core(struct follower *follower, uint64_t max, uint64_t *ret_bytes);
