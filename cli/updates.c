/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See updates.h. Updates are few: a list sorted by id does. */
#include "cli/updates.h"

#include "cli/journal.h"
#include "cli/trust.h"
#include "report/report.h"
#include "util/parse.h"

/* A report's id. */
#define ID_SIZE 33

struct update {
	char id[ID_SIZE];
	uint32_t uid;
	uint64_t time; /* realtime of the entry, microseconds */
};

struct updates {
	struct update *list;
	size_t n, room;
};

void updates_free(struct updates *updates) {
	if (!updates)
		return;
	free(updates->list);
	free(updates);
}

/* Of the current entry; false if it has none that counts. _UID is journald's own word. */
static bool read_entry(sd_journal *j, struct update *ret) {
	_cleanup_free_ char *id = NULL, *uid = NULL;

	if (entry_field(j, "COREWATCH_ID", &id) < 0 || strlen(id) != ID_SIZE - 1 || !is_hex(id, ID_SIZE - 1) ||
	    entry_field(j, "_UID", &uid) < 0 || parse_uid(uid, &ret->uid) < 0 ||
	    sd_journal_get_realtime_usec(j, &ret->time) < 0)
		return false;
	memcpy(ret->id, id, ID_SIZE);
	return true;
}

static int add(struct updates *updates, const struct update *update) {
	if (updates->n == updates->room) {
		size_t room = MAX(updates->room * 2, (size_t)16);
		struct update *list = reallocarray(updates->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		updates->list = list;
		updates->room = room;
	}
	updates->list[updates->n++] = *update;
	return 0;
}

static int compare(const void *a, const void *b) {
	return strcmp(((const struct update *)a)->id, ((const struct update *)b)->id);
}

int updates_read(sd_journal *j, const struct options *o, struct updates **ret_updates) {
	_cleanup_(updates_freep) struct updates *updates = calloc(1, sizeof(*updates));
	uint64_t until = o->has_until ? o->until : UINT64_MAX;
	struct update update;
	int r;

	if (!updates)
		return -ENOMEM;
	r = sd_journal_add_match(j, "MESSAGE_ID=" COREWATCH_MESSAGE_ID_UPDATED, 0);
	if (r >= 0)
		r = sd_journal_add_match(j, "SYSLOG_IDENTIFIER=corewatch", 0);
	if (r >= 0)
		r = sd_journal_seek_head(j);
	while (r >= 0 && (r = sd_journal_next(j)) > 0)
		if (entry_is_trusted(j, o) && read_entry(j, &update) && update.time <= until)
			r = add(updates, &update);
	if (r < 0)
		return r;
	if (updates->n > 0)
		qsort(updates->list, updates->n, sizeof(*updates->list), compare);
	*ret_updates = take_ptr(updates);
	return 0;
}

bool updates_supersede(const struct updates *updates, sd_journal *j) {
	struct update own;
	size_t low = 0, high = updates ? updates->n : 0;

	if (high == 0 || !read_entry(j, &own))
		return false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(updates->list[middle].id, own.id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	/* Its own entry is among them, and is not later than itself. */
	for (size_t i = low; i < updates->n && streq(updates->list[i].id, own.id); i++)
		if (updates->list[i].time > own.time && (updates->list[i].uid == 0 || updates->list[i].uid == own.uid))
			return true;
	return false;
}
