/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See settle.h. One timer, which is off while there is nothing to save and nothing that journald was sent: an idle
 * daemon does not wake up.
 */
#include "daemon/settle.h"
#include "daemon/reader.h"
#include "daemon/synchronize.h"

#include "util/clock.h"
#include "util/log.h"

#define SAVE_USEC (1 * USEC_PER_SEC)
#define SAVE_AGAIN_USEC (10 * USEC_PER_SEC) /* the disk is full, most likely */
/* How often a report is sent that journald takes and does not store. */
#define TRIES_MAX 3

static int save(struct manager *m) {
	int r = state_save(m->state, progress_cursor(m->progress));

	if (r < 0 && !m->save_failed)
		log_error("the position in the journal cannot be saved in %s (%s), trying again: after a restart "
		          "crashes are looked up that are done",
		          m->options.state_directory, strerror(-r));
	else if (r >= 0 && m->save_failed)
		log_notice("the position in the journal is saved again");
	m->save_failed = r < 0;
	return r;
}

static void save_after(struct manager *m, uint64_t usec) {
	(void)sd_event_source_set_time_relative(m->save_timer, usec);
	(void)sd_event_source_set_enabled(m->save_timer, SD_EVENT_ONESHOT);
}

void settle_later(struct manager *m) {
	if (sd_event_source_get_enabled(m->save_timer, NULL) == SD_EVENT_OFF)
		save_after(m, SAVE_USEC);
}

static int on_save(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
	struct manager *m = userdata;
	size_t unconfirmed = confirm_check(m->confirm, clock_usec(CLOCK_MONOTONIC));
	int r = save(m);

	if (unconfirmed > 0)
		save_after(m, SAVE_USEC);
	else if (r < 0)
		save_after(m, SAVE_AGAIN_USEC);
	else if (m->n_jobs == 0 && queue_length(m->queue) == 0) { /* nothing happens: nothing of the journal is held */
		triage_close(m->triage);
		journal_forget();
	}
	return 0;
}

static void on_stored(struct ticket *ticket, void *userdata) {
	struct manager *m = userdata;

	progress_end(m->progress, ticket);
}

/* Sent, and not stored. A summary's crashes are looked at again after the next start, for its ticket stays open. */
static void on_missing(struct ticket *ticket, const struct triage_key *key, unsigned tries, void *userdata) {
	struct manager *m = userdata;
	struct waiting waiting = { .ticket = ticket, .uid = key->uid, .tries = tries, .cursor = (char *)key->cursor };

	if (!key->cursor || tries >= TRIES_MAX) {
		log_error("journald took the %s crash %s and does not have it, leaving it for the next start",
		          key->cursor ? "report of" : "summary with", key->id);
		return;
	}
	log_warning("journald took the report of crash %s and does not have it, making it again", key->id);
	snprintf(waiting.id, sizeof(waiting.id), "%s", key->id);
	if (queue_add(m->queue, &waiting) < 0)
		return; /* no memory: left for the next start */
	(void)sd_event_source_set_enabled(m->next, SD_EVENT_ONESHOT);
}

void settle_when_stored(struct manager *m, const struct triage_key *key, struct ticket *ticket, unsigned tries) {
	bool live = !m->options.submit_file && !m->options.journal_directory;

	if (!live)
		progress_end(m->progress, ticket);
	else if (confirm_add(m->confirm, key, ticket, tries, clock_usec(CLOCK_MONOTONIC)) < 0)
		log_warning("out of memory: crash %s is looked up again after the next start", key->id);
	settle_later(m);
}

void settle(struct manager *m, struct ticket *ticket) {
	progress_end(m->progress, ticket);
	settle_later(m);
}

void settle_now(struct manager *m) {
	/* What was sent just now would be looked at again, or never: where no position was saved before. */
	if (confirm_check(m->confirm, clock_usec(CLOCK_MONOTONIC)) > 0) {
		journal_synchronize();
		(void)confirm_check(m->confirm, clock_usec(CLOCK_MONOTONIC));
	}
	(void)save(m);
}

int settle_open(struct manager *m) {
	const struct confirm_callbacks callbacks = { on_stored, on_missing, m };
	int r;

	r = sd_event_add_time_relative(m->event, &m->save_timer, CLOCK_MONOTONIC, SAVE_USEC, 0, on_save, m);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->save_timer, SD_EVENT_OFF);
	return r < 0 ? r : confirm_new(m->triage, &callbacks, &m->confirm);
}
