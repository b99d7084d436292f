/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See triage.h. Searching is an indexed match: well below a millisecond in journals of hundreds of thousands of
 * entries.
 */
#include "daemon/triage.h"

#include "daemon/reader.h"
#include "report/report.h"
#include "util/log.h"
#include "util/parse.h"

/* Searches with one handle, which keeps mapped what it has touched. */
#define HANDLE_SEARCHES 256

struct triage_context {
	const char *directory;
	struct triage_self self;
	sd_journal *journal; /* kept open while crashes come: opening reads the header of every file */
	unsigned n_searches; /* with this handle */
};

int triage_new(const char *directory, const struct triage_self *self, struct triage_context **ret_context) {
	struct triage_context *context = calloc(1, sizeof(*context));

	if (!context)
		return -ENOMEM;
	context->directory = directory;
	context->self = *self;
	*ret_context = context;
	return 0;
}

void triage_close(struct triage_context *context) {
	sd_journal_close(context->journal);
	context->journal = NULL;
	context->n_searches = 0;
}

void triage_free(struct triage_context *context) {
	if (!context)
		return;
	triage_close(context);
	free(context);
}

bool triage_believes(uint32_t sender_uid, const char *sender_unit, const struct triage_self *self,
                     const struct triage_key *key) {
	if (sender_uid == 0 || sender_uid == self->uid)
		return true;
	/*
	 * What the owner may read is sent under his uid, from our unit. He can send the like, but not from there: he
	 * shall not be able to hide a crash from the administrator.
	 */
	if (!key->owner_may_read || sender_uid != key->uid)
		return false;
	return !self->unit || (sender_unit && streq(sender_unit, self->unit));
}

int triage_journal(struct triage_context *context, sd_journal **ret_journal) {
	int r;

	if (++context->n_searches > HANDLE_SEARCHES)
		triage_close(context);
	if (context->journal) /* takes up files that are new since */
		r = sd_journal_process(context->journal);
	else {
		r = journal_open(context->directory, &context->journal);
		if (r < 0)
			return r;
		r = sd_journal_get_fd(context->journal); /* from here on it knows of new files */
	}
	if (r < 0)
		return r;
	*ret_journal = context->journal;
	return 0;
}

static int add_match(sd_journal *journal, const char *name, const char *value) {
	char match[1200]; /* names, ids and cursors; a cursor has some 130 bytes */

	if (snprintf(match, sizeof(match), "%s=%s", name, value) >= (int)sizeof(match))
		return -E2BIG;
	return sd_journal_add_match(journal, match, 0);
}

/* Either a report, by id or by cursor, or a summary that names the id. */
static int add_matches(sd_journal *journal, const struct triage_key *key) {
	int r;

	sd_journal_flush_matches(journal);
	r = add_match(journal, "MESSAGE_ID", COREWATCH_MESSAGE_ID_REPORT);
	if (r >= 0)
		r = add_match(journal, "MESSAGE_ID", COREWATCH_MESSAGE_ID_FAILED);
	if (r >= 0)
		r = add_match(journal, "COREWATCH_ID", key->id);
	/* The id has the core's inode in it, and the core may have been vacuumed since: the cursor stays. */
	if (r >= 0 && key->cursor) {
		r = sd_journal_add_disjunction(journal);
		if (r >= 0)
			r = add_match(journal, "MESSAGE_ID", COREWATCH_MESSAGE_ID_REPORT);
		if (r >= 0)
			r = add_match(journal, "MESSAGE_ID", COREWATCH_MESSAGE_ID_FAILED);
		if (r >= 0)
			r = add_match(journal, "COREWATCH_COREDUMP_CURSOR", key->cursor);
	}
	if (r >= 0)
		r = sd_journal_add_disjunction(journal);
	if (r >= 0)
		r = add_match(journal, "MESSAGE_ID", COREWATCH_MESSAGE_ID_SUPPRESSED);
	if (r >= 0)
		r = add_match(journal, "COREWATCH_SUPPRESSED_ID", key->id);
	return r;
}

/* A short field's value; "" if it is missing or longer. */
static void get(sd_journal *journal, const char *name, char *value, size_t size) {
	const size_t prefix = strlen(name) + 1;
	const char *data;
	size_t length;

	*value = 0;
	if (sd_journal_get_data(journal, name, (const void **)&data, &length) < 0 || length < prefix ||
	    length - prefix >= size)
		return;
	memcpy(value, data + prefix, length - prefix);
	value[length - prefix] = 0;
}

/* TRIAGE_… or -errno. */
static int search(struct triage_context *context, const struct triage_key *key) {
	sd_journal *journal;
	int r;

	r = triage_journal(context, &journal);
	if (r < 0)
		return r;
	r = add_matches(journal, key);
	if (r < 0)
		return r;
	r = sd_journal_seek_head(journal);
	if (r < 0)
		return r;
	while ((r = sd_journal_next(journal)) > 0) {
		char uid_text[16], unit[256], id[HASH_TEXT_SIZE];
		uint32_t uid;

		get(journal, "_UID", uid_text, sizeof(uid_text));
		get(journal, "_SYSTEMD_UNIT", unit, sizeof(unit));
		if (parse_uid(uid_text, &uid) < 0 || !triage_believes(uid, unit, &context->self, key))
			continue;
		get(journal, "MESSAGE_ID", id, sizeof(id));
		return streq(id, COREWATCH_MESSAGE_ID_SUPPRESSED) ? TRIAGE_SUPPRESSED : TRIAGE_DONE;
	}
	return r < 0 ? r : TRIAGE_ANALYSE;
}

enum triage triage_search(struct triage_context *context, const struct triage_key *key) {
	int r = search(context, key);

	if (r < 0) { /* vacuumed under our feet, most likely: once more with a new handle */
		triage_close(context);
		r = search(context, key);
	}
	if (r < 0) {
		log_warning("searching the journal for the report of crash %s failed (%s), assuming that there is none",
		            key->id, strerror(-r));
		triage_close(context);
		return TRIAGE_ANALYSE;
	}
	return (enum triage)r;
}

struct triage_key triage_key_of(const struct crash *crash) {
	return (struct triage_key){ .id = crash->id,
		                    .cursor = crash->entry->cursor,
		                    .uid = crash->uid,
		                    .owner_may_read = crash->owner_may_read };
}

/* Our own units, as systemd-coredump saw them. A user who names his unit so goes without a report of it. */
static bool is_own(const struct crash *crash) {
	const char *unit = entry_get(crash->entry, FIELD_COREDUMP_UNIT);

	return unit && !entry_get(crash->entry, FIELD_COREDUMP_USER_UNIT) &&
	       (streq(unit, "corewatch.service") ||
	        ((str_has_prefix(unit, "corewatch@") || str_has_prefix(unit, "corewatch-fetch@")) &&
	         str_has_suffix(unit, ".service")));
}

enum triage triage_crash(struct triage_context *context, const struct crash *crash) {
	const struct triage_key key = triage_key_of(crash);

	return is_own(crash) ? TRIAGE_OWN : triage_search(context, &key);
}
