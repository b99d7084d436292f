/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Crashes that wait for a worker, one line for each uid; the lines are served in turn, so that a thousand crashes of
 * one user hold up another's by one at most. What waits is only named (by the journal's cursor): its entry is read
 * again when its turn comes, and its ticket keeps it in the journal's queue until then.
 */
#pragma once

#include "daemon/state.h"
#include "util/hash.h"

/* Some 300 bytes each. When it is full, nothing is read from the journal until a worker is free. */
#define QUEUE_MAX 4096

struct waiting {
	struct waiting *next; /* the queue's */
	struct ticket *ticket;
	uint32_t uid, gid;
	bool as_owner; /* he may read the report: submit_as_owner() */
	unsigned tries; /* how often its report was sent before */
	char id[HASH_TEXT_SIZE]; /* the crash's */
	char *cursor;
};

struct queue;

int queue_new(struct queue **ret_queue); /* 0 or -ENOMEM */
void queue_free(struct queue *queue);
DEFINE_CLEANUP(struct queue *, queue_free);
void waiting_free(struct waiting *waiting);
DEFINE_CLEANUP(struct waiting *, waiting_free);

size_t queue_length(const struct queue *queue);
bool queue_has(const struct queue *queue, const char *id);
/* Copies all, and the cursor; the ticket stays the progress's. 0 or -ENOMEM. */
int queue_add(struct queue *queue, const struct waiting *waiting);
/* The oldest of the uid whose turn it is, now the caller's; NULL: nobody waits. */
struct waiting *queue_take(struct queue *queue);
