/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See triage.h. Searching is an indexed match: well below a millisecond in journals of hundreds of thousands of
 * entries.
 */
#include "daemon/triage.h"

#include "daemon/follower.h"
#include "report/report.h"
#include "util/log.h"
#include "util/parse.h"

struct triage_context {
	const char *directory;
	uint32_t self_uid;
	sd_journal *journal; /* kept open: opening reads the header of every file */
};

int triage_new(const char *directory, uint32_t self_uid, struct triage_context **ret_context) {
	struct triage_context *context = calloc(1, sizeof(*context));

	if (!context)
		return -ENOMEM;
	context->directory = directory;
	context->self_uid = self_uid;
	*ret_context = context;
	return 0;
}

void triage_free(struct triage_context *context) {
	if (!context)
		return;
	sd_journal_close(context->journal);
	free(context);
}

bool triage_believes(uint32_t sender_uid, uint32_t self_uid, const struct crash *crash) {
	if (sender_uid == 0 || sender_uid == self_uid)
		return true;
	/* Reports that the owner may read are sent under his uid; a forged one hides his own crash, from himself. */
	return crash->owner_may_read && sender_uid == crash->uid;
}

static int open_journal(struct triage_context *context) {
	int r;

	if (context->journal) {
		/* Takes up files that are new since. */
		r = sd_journal_process(context->journal);
		return MIN(r, 0);
	}
	r = journal_open(context->directory, &context->journal);
	if (r < 0)
		return r;
	r = sd_journal_get_fd(context->journal); /* from here on it knows of new files */
	return MIN(r, 0);
}

static int add_matches(sd_journal *journal, const struct crash *crash) {
	_cleanup_free_ char *cursor = NULL;
	char id[sizeof("COREWATCH_ID=") + HASH_TEXT_SIZE];
	int r;

	snprintf(id, sizeof(id), "COREWATCH_ID=%s", crash->id);
	if (asprintf(&cursor, "COREWATCH_COREDUMP_CURSOR=%s", crash->entry->cursor) < 0) {
		cursor = NULL;
		return -ENOMEM;
	}
	sd_journal_flush_matches(journal);
	r = sd_journal_add_match(journal, "MESSAGE_ID=" COREWATCH_MESSAGE_ID_REPORT, 0);
	if (r >= 0)
		r = sd_journal_add_match(journal, "MESSAGE_ID=" COREWATCH_MESSAGE_ID_FAILED, 0);
	if (r >= 0)
		r = sd_journal_add_conjunction(journal);
	if (r >= 0)
		r = sd_journal_add_match(journal, id, 0);
	if (r >= 0)
		r = sd_journal_add_disjunction(journal);
	/* The id has the core's inode in it, and the core may have been vacuumed since: the cursor stays. */
	if (r >= 0)
		r = sd_journal_add_match(journal, cursor, 0);
	return r;
}

static int search(struct triage_context *context, const struct crash *crash) {
	int r;

	r = open_journal(context);
	if (r < 0)
		return r;
	r = add_matches(context->journal, crash);
	if (r < 0)
		return r;
	r = sd_journal_seek_head(context->journal);
	if (r < 0)
		return r;
	while ((r = sd_journal_next(context->journal)) > 0) {
		const size_t prefix = strlen("_UID=");
		const char *data;
		size_t length;
		char text[16];
		uint32_t uid;

		if (sd_journal_get_data(context->journal, "_UID", (const void **)&data, &length) < 0 ||
		    length - prefix >= sizeof(text))
			continue;
		memcpy(text, data + prefix, length - prefix);
		text[length - prefix] = 0;
		if (parse_uid(text, &uid) >= 0 && triage_believes(uid, context->self_uid, crash))
			return 1;
	}
	return r;
}

bool triage_is_reported(struct triage_context *context, const struct crash *crash) {
	int r = search(context, crash);

	if (r < 0) { /* vacuumed under our feet, most likely: once more with a new handle */
		sd_journal_close(context->journal);
		context->journal = NULL;
		r = search(context, crash);
	}
	if (r < 0)
		log_warning("searching the journal for the report of crash %s failed (%s), assuming that there is none",
		            crash->id, strerror(-r));
	return r > 0;
}

/* Our own units, as systemd-coredump saw them. A user who names his unit so goes without a report of it. */
static bool is_own(const struct crash *crash) {
	const char *unit = entry_get(crash->entry, FIELD_COREDUMP_UNIT);

	return unit && !entry_get(crash->entry, FIELD_COREDUMP_USER_UNIT) &&
	       (streq(unit, "corewatch.service") ||
	        ((str_has_prefix(unit, "corewatch@") || str_has_prefix(unit, "corewatch-fetch@")) && str_has_suffix(unit, ".service")));
}

enum triage triage_crash(struct triage_context *context, const struct crash *crash) {
	if (is_own(crash))
		return TRIAGE_OWN;
	return triage_is_reported(context, crash) ? TRIAGE_DONE : TRIAGE_ANALYSE;
}
