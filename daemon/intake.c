/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See intake.h. An entry gets a ticket when it is read; whoever has the ticket ends it when nothing is left to do, and
 * the saved cursor follows the oldest. So a crash of the daemon at any moment leaves the crash in the queue.
 */
#include "daemon/intake.h"

#include <fnmatch.h>
#include <inttypes.h>

#include "daemon/alike.h"
#include "daemon/document.h"
#include "daemon/job.h"
#include "daemon/reader.h"
#include "daemon/settle.h"
#include "report/report.h"
#include "util/log.h"
#include "util/parse.h"

static bool is_known(const struct manager *m, const char *id) {
	for (const struct job *job = m->jobs; job; job = job->next)
		if (streq(job->crash->id, id))
			return true;
	return queue_has(m->queue, id) || confirm_has(m->confirm, id);
}

static struct admit_policy make_policy(const struct manager *m) {
	return (struct admit_policy){
		.has_coredump_uid = m->has_coredump_uid,
		.coredump_uid = m->coredump_uid,
		.core = { .directory = m->config->core_directory,
		          .owner = m->privileged ? 0 : geteuid(),
		          .max = m->config->core_max },
	};
}

/* A core that is in the entry itself, as a descriptor for the worker. */
static int fetch_core(struct manager *m, struct crash *crash, sd_journal *journal) {
	int fd;

	if (crash->core_state != CORE_JOURNAL)
		return 0;
	fd = reader_copy_core(journal, m->config->journal_core_max, &crash->core_bytes);
	if (fd == -ENOMEM)
		return fd;
	if (fd < 0) {
		crash->core_state = CORE_INACCESSIBLE;
		free(crash->core_problem);
		crash->core_problem =
			strdup(fd == -EFBIG ? "the core is larger than JournalCoreMax= or this machine's memory allow" : strerror(-fd));
		return crash->core_problem ? 0 : -ENOMEM;
	}
	crash->core_fd = fd;
	if (entry_get(crash->entry, FIELD_COREDUMP_TRUNCATED))
		crash->core_state = CORE_TRUNCATED;
	return 0;
}

/* ── what is not analysed ── */

static bool is_muted(const struct manager *m, const struct crash *crash) {
	return mutes_have_program(state_mutes(m->state), crash->uid, crash->owner_may_read, alike_program(crash),
	                          crash->timestamp);
}

static bool is_skipped(const struct manager *m, const struct crash *crash) {
	const char *exe = entry_get(crash->entry, FIELD_COREDUMP_EXE);

	for (char **p = m->config->skip_programs; exe && p && *p; p++)
		if (fnmatch(*p, exe, 0) == 0)
			return true;
	return false;
}

/* 1: not to be analysed, for this reason; 0: it may be; -errno. */
static int check_limits(struct manager *m, const struct crash *crash, bool done, enum suppress_reason *ret_reason) {
	static const enum suppress_reason reasons[] = {
		[RATE_ALIKE] = SUPPRESS_ALIKE, [RATE_PROGRAM] = SUPPRESS_PROGRAM, [RATE_TOTAL] = SUPPRESS_TOTAL
	};
	char fingerprint[HASH_TEXT_SIZE];
	const struct rate_crash this = { .uid = crash->uid,
		                         .program = alike_program(crash),
		                         .fingerprint = fingerprint,
		                         .time_usec = crash->timestamp };
	enum rate_verdict verdict;
	int r = alike_fingerprint(crash, fingerprint);

	if (r < 0)
		return r;
	if (done) {
		rate_note(m->rate, &this);
		return 0;
	}
	if (is_muted(m, crash) || is_skipped(m, crash)) {
		*ret_reason = is_muted(m, crash) ? SUPPRESS_MUTED : SUPPRESS_SKIPPED;
		return 1;
	}
	verdict = rate_check(m->rate, &m->config->rate, &this);
	if (verdict == RATE_OK)
		return 0;
	*ret_reason = reasons[verdict];
	return 1;
}

/* Whether somebody of the kind that SkipKilled= names sent the signal. */
static bool is_killed(const struct manager *m, const struct crash *crash, json_object *report) {
	int64_t sender;

	if (m->config->skip_killed == SKIP_KILLED_NO || !document_sender(report, &sender))
		return false;
	return m->config->skip_killed == SKIP_KILLED_YES || sender == (int64_t)crash->uid;
}

bool intake_is_unwanted(const struct manager *m, const struct crash *crash, json_object *report,
                        enum suppress_reason *ret_reason) {
	const char *fingerprint = document_fingerprint(report);

	if (fingerprint && mutes_have_fingerprint(state_mutes(m->state), crash->uid, crash->owner_may_read,
	                                          fingerprint, crash->timestamp)) {
		*ret_reason = SUPPRESS_MUTED;
		return true;
	}
	if (!is_killed(m, crash, report))
		return false;
	*ret_reason = SUPPRESS_SKIPPED;
	return true;
}

int intake_suppress(struct manager *m, const struct crash *crash, enum suppress_reason reason, struct ticket *ticket) {
	const struct suppressed this = {
		.id = crash->id,
		.uid = crash->uid,
		.gid = crash->gid,
		.as_owner = submit_as_owner(crash),
		.program = alike_program(crash),
		.reason = reason,
	};
	int r = suppress_add(m->suppressor, &this, ticket, m->config->rate.window_usec);

	settle_later(m);
	return r;
}

/* ── the way of an entry ── */

static int enqueue(struct manager *m, const struct crash *crash, struct ticket *ticket) {
	const struct waiting waiting = {
		.ticket = ticket,
		.uid = crash->uid,
		.gid = crash->gid,
		.as_owner = submit_as_owner(crash),
		.tries = crash->tries,
		.cursor = crash->entry->cursor,
	};
	struct waiting named = waiting;

	memcpy(named.id, crash->id, sizeof(named.id));
	return queue_add(m->queue, &named);
}

/* Takes crash, not the ticket: 1: somebody has that; 0: nothing left to do. */
static int handle_crash(struct manager *m, struct crash *crash, sd_journal *journal, struct ticket *ticket) {
	_cleanup_(crash_freep) struct crash *guard = crash;
	enum suppress_reason reason;
	enum triage triage;
	int r;

	if (is_known(m, crash->id))
		return 0;
	triage = triage_crash(m->triage, crash);
	if (triage == TRIAGE_OWN) {
		if (manager_may_complain(m))
			log_error("a process of our own (%s[%" PRIi32 "]) was killed by signal %d, not analysing it",
			          entry_get(crash->entry, FIELD_COREDUMP_COMM), crash->pid, crash->signal);
		return 0;
	}
	if (triage == TRIAGE_SUPPRESSED)
		return 0;
	r = check_limits(m, crash, triage == TRIAGE_DONE, &reason);
	if (r < 0 || triage == TRIAGE_DONE)
		return r;
	if (r > 0)
		r = intake_suppress(m, crash, reason, ticket);
	else if (m->n_jobs >= m->config->max_workers || queue_length(m->queue) > 0)
		r = enqueue(m, crash, ticket);
	else {
		r = fetch_core(m, crash, journal);
		if (r >= 0)
			r = job_start(m, take_ptr(guard), ticket);
	}
	return r < 0 ? r : 1;
}

/* 0 or -EBADMSG with a reason; then the entry stays the caller's. large: as reader_count_fields(); written in any case. */
static int judge(struct manager *m, struct entry *entry, sd_journal *journal, bool *ret_large, struct crash **ret_crash,
                 const char **ret_reason) {
	const struct admit_policy policy = make_policy(m);
	bool suspect;
	int r;

	*ret_large = false;
	r = admit_entry(&policy, entry, &suspect, ret_reason);
	if (r < 0)
		return r;
	/* Only now, and only then, for it unpacks every field of the entry. */
	r = suspect ? reader_count_fields(journal, entry) : 0;
	*ret_large = r == READER_LARGE || r == -EFBIG;
	if (r < 0) {
		*ret_reason = r == -EFBIG ? "its fields are larger than systemd-coredump's" : "it cannot be read";
		return r == -ENOMEM ? r : -EBADMSG;
	}
	return admit(&policy, entry, ret_crash, ret_reason);
}

/* Somebody mutes, or takes it back. What is not understood is ignored: anyone can send it. */
static int take_mute(struct manager *m, const struct entry *entry) {
	const char *transport = entry_get(entry, FIELD_TRANSPORT);
	uint32_t uid;
	int r;

	if (!transport || !streq(transport, "journal") || !entry_is_plain(entry, FIELD_UID) ||
	    parse_uid(entry_get(entry, FIELD_UID), &uid) < 0)
		return 0;
	mutes_expire(state_mutes(m->state), entry->time_usec);
	r = mutes_apply(state_mutes(m->state), uid, entry->time_usec, entry_get(entry, FIELD_MUTE),
	                entry_get(entry, FIELD_MUTE_UNTIL));
	if (r == -ENOMEM)
		return r;
	if (r >= 0)
		state_mutes_changed(m->state);
	if (manager_may_complain(m)) {
		if (r < 0)
			log_notice("ignoring a mute that uid %" PRIu32 " sent: %s", uid,
			           r == -ENOENT ? "that was not muted" : "it is not understood");
		else
			log_info("uid %" PRIu32 " changed what is muted: %s until %s", uid,
			         entry_get(entry, FIELD_MUTE), entry_get(entry, FIELD_MUTE_UNTIL));
	}
	return 0;
}

int intake_take(struct entry *entry, sd_journal *journal, void *userdata) {
	_cleanup_(entry_freep) struct entry *guard = entry;
	const char *id = entry_get(entry, FIELD_MESSAGE_ID), *reason = "";
	struct manager *m = userdata;
	struct crash *crash;
	struct ticket *ticket;
	bool large;
	int r;

	r = progress_begin(m->progress, entry->cursor, &ticket);
	if (r < 0)
		return r;
	if (id && streq(id, COREWATCH_MESSAGE_ID_MUTE)) {
		r = take_mute(m, entry);
		settle(m, ticket);
		return r;
	}
	r = judge(m, entry, journal, &large, &crash, &reason);
	if (r == -EBADMSG) {
		if (manager_may_complain(m))
			log_notice("ignoring the journal entry %s: %s", entry->cursor, reason);
		settle(m, ticket);
		return large ? READER_LARGE : 0;
	}
	if (r < 0)
		return r;
	guard = NULL; /* the crash's */
	large = large || crash->core_state == CORE_JOURNAL;
	r = handle_crash(m, crash, journal, ticket);
	if (r == 0)
		settle(m, ticket);
	return r < 0 ? r : large ? READER_LARGE : 0;
}

bool intake_is_ready(void *userdata) {
	const struct manager *m = userdata;

	return !m->stopping && queue_length(m->queue) < QUEUE_MAX;
}

/* ── those that waited ── */

/* Reads the entry again. 0: *ret_crash; -ENOENT: it is gone, or no more what it was; -ENOMEM. */
static int read_again(struct manager *m, const struct waiting *waiting, sd_journal **ret_journal,
                      struct crash **ret_crash) {
	_cleanup_(entry_freep) struct entry *entry = NULL;
	const char *reason = "";
	sd_journal *journal;
	bool large;
	int r;

	r = triage_journal(m->triage, &journal);
	if (r >= 0)
		r = reader_entry_at(journal, waiting->cursor, &entry);
	if (r >= 0)
		r = judge(m, entry, journal, &large, ret_crash, &reason);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		log_warning("the entry of crash %s is gone from the journal (%s)", waiting->id,
		            *reason ? reason : strerror(-r));
		triage_close(m->triage);
		return -ENOENT;
	}
	entry = NULL; /* the crash's */
	/* The id has the core's inode in it, and the core may be gone by now. */
	memcpy((*ret_crash)->id, waiting->id, sizeof(waiting->id));
	(*ret_crash)->tries = waiting->tries;
	*ret_journal = journal;
	return 0;
}

static int start_waiting(struct manager *m, const struct waiting *waiting) {
	_cleanup_(crash_freep) struct crash *crash = NULL;
	const struct suppressed lost = { .id = waiting->id,
		                         .uid = waiting->uid,
		                         .gid = waiting->gid,
		                         .as_owner = waiting->as_owner,
		                         .program = "unknown",
		                         .reason = SUPPRESS_LOST };
	sd_journal *journal;
	bool unpacked;
	int r;

	r = read_again(m, waiting, &journal, &crash);
	if (r == -ENOENT)
		return suppress_add(m->suppressor, &lost, waiting->ticket, m->config->rate.window_usec);
	if (r < 0)
		return r;
	unpacked = crash->core_state == CORE_JOURNAL;
	r = fetch_core(m, crash, journal);
	if (unpacked)
		triage_close(m->triage); /* or it keeps the whole core in memory */
	if (r < 0)
		return r;
	return job_start(m, take_ptr(crash), waiting->ticket);
}

int intake_next(struct manager *m) {
	while (!m->stopping && m->n_jobs < m->config->max_workers) {
		_cleanup_(waiting_freep) struct waiting *waiting = queue_take(m->queue);
		int r;

		if (!waiting)
			return 0;
		r = start_waiting(m, waiting);
		if (r < 0)
			return r;
	}
	return 0;
}
