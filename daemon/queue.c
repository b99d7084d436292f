/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See queue.h. A ring of lines, each a list; who was served goes to the end of the ring. */
#include "daemon/queue.h"

struct line {
	struct line *next;
	uint32_t uid;
	struct waiting *first, *last;
};

struct queue {
	struct line *first, *last;
	size_t n;
};

int queue_new(struct queue **ret_queue) {
	struct queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	*ret_queue = queue;
	return 0;
}

void waiting_free(struct waiting *waiting) {
	if (!waiting)
		return;
	free(waiting->cursor);
	free(waiting);
}

void queue_free(struct queue *queue) {
	struct waiting *waiting;

	if (!queue)
		return;
	while ((waiting = queue_take(queue)))
		waiting_free(waiting);
	free(queue);
}

size_t queue_length(const struct queue *queue) {
	return queue->n;
}

bool queue_has(const struct queue *queue, const char *id) {
	for (const struct line *line = queue->first; line; line = line->next)
		for (const struct waiting *waiting = line->first; waiting; waiting = waiting->next)
			if (streq(waiting->id, id))
				return true;
	return false;
}

static void append_line(struct queue *queue, struct line *line) {
	line->next = NULL;
	*(queue->last ? &queue->last->next : &queue->first) = line;
	queue->last = line;
}

static struct line *line_of(struct queue *queue, uint32_t uid) {
	struct line *line;

	for (line = queue->first; line; line = line->next)
		if (line->uid == uid)
			return line;
	line = calloc(1, sizeof(*line));
	if (!line)
		return NULL;
	line->uid = uid;
	append_line(queue, line);
	return line;
}

int queue_add(struct queue *queue, const struct waiting *waiting) {
	_cleanup_(waiting_freep) struct waiting *copy = calloc(1, sizeof(*copy));
	struct line *line;

	if (!copy)
		return -ENOMEM;
	*copy = *waiting;
	copy->next = NULL;
	copy->cursor = strdup(waiting->cursor);
	if (!copy->cursor)
		return -ENOMEM;
	line = line_of(queue, waiting->uid);
	if (!line)
		return -ENOMEM;
	*(line->last ? &line->last->next : &line->first) = copy;
	line->last = take_ptr(copy);
	queue->n++;
	return 0;
}

struct waiting *queue_take(struct queue *queue) {
	struct line *line = queue->first;
	struct waiting *waiting;

	if (!line)
		return NULL;
	queue->first = line->next;
	if (!queue->first)
		queue->last = NULL;
	waiting = line->first;
	line->first = waiting->next;
	if (line->first)
		append_line(queue, line);
	else
		free(line);
	waiting->next = NULL;
	queue->n--;
	return waiting;
}
