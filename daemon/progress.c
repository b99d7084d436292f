/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The low-water mark of state.h: a list of entries in the order of the journal. Finished ones directly behind one
 * another are merged, so that the list is never longer than twice the running jobs, however long the oldest takes.
 */
#include "daemon/state.h"

struct ticket {
	struct ticket *previous, *next;
	uint64_t number;
	char *cursor;
	bool ended;
};

struct progress {
	struct ticket *first, *last;
	uint64_t n;
	char *cursor;
};

int progress_new(struct progress **ret_progress) {
	struct progress *progress = calloc(1, sizeof(*progress));

	if (!progress)
		return -ENOMEM;
	*ret_progress = progress;
	return 0;
}

static void remove_ticket(struct progress *progress, struct ticket *ticket) {
	*(ticket->previous ? &ticket->previous->next : &progress->first) = ticket->next;
	*(ticket->next ? &ticket->next->previous : &progress->last) = ticket->previous;
	free(ticket->cursor);
	free(ticket);
}

void progress_free(struct progress *progress) {
	if (!progress)
		return;
	while (progress->first)
		remove_ticket(progress, progress->first);
	free(progress->cursor);
	free(progress);
}

int progress_begin(struct progress *progress, const char *cursor, struct ticket **ret_ticket) {
	struct ticket *ticket = calloc(1, sizeof(*ticket));

	if (!ticket)
		return -ENOMEM;
	ticket->cursor = strdup(cursor);
	if (!ticket->cursor) {
		free(ticket);
		return -ENOMEM;
	}
	ticket->number = progress->n++;
	ticket->previous = progress->last;
	*(progress->last ? &progress->last->next : &progress->first) = ticket;
	progress->last = ticket;
	*ret_ticket = ticket;
	return 0;
}

void progress_end(struct progress *progress, struct ticket *ticket) {
	ticket->ended = true;
	if (ticket->previous && ticket->previous->ended)
		remove_ticket(progress, ticket->previous);
	if (ticket->next && ticket->next->ended)
		remove_ticket(progress, ticket);
	while (progress->first && progress->first->ended) {
		free(progress->cursor);
		progress->cursor = take_ptr(progress->first->cursor);
		remove_ticket(progress, progress->first);
	}
}

bool progress_is_older(const struct ticket *ticket, const struct ticket *other) {
	return ticket->number < other->number;
}

const char *progress_cursor(const struct progress *progress) {
	return progress->cursor;
}
