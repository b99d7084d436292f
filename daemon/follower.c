/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See follower.h. What sd-journal wants of its callers, each learnt from a bug of somebody's: process() on every
 * wake, then next() until it says 0; INVALIDATE (a new user's journal file) means "look again" like APPEND; a cursor
 * may be gone, and then the next entry counts as new; seek_tail() is followed by previous(), and by seek_head() if
 * that finds nothing; EBADMSG and EADDRNOTAVAIL (vacuumed under our feet) repeat until the journal is opened anew;
 * the handle does not survive fork().
 */
#include "daemon/follower.h"

#include <systemd/sd-id128.h>

#include "daemon/admit.h"
#include "daemon/reader.h"
#include "report/report.h"
#include "util/log.h"

/* Entries in a row before other events get their turn: a flood of forged ones must not starve the watchdog. */
#define BATCH 16
/* Between tries to open a journal that cannot be opened. */
#define REOPEN_USEC (2 * USEC_PER_SEC)
/*
 * Entries that are read with one handle. sd-journal keeps up to 64 windows of 8 MiB mapped, and every page that was
 * touched counts as our memory; a new handle costs some milliseconds.
 */
#define HANDLE_ENTRIES 256
/* Tries at one entry that cannot be read, before it is passed over. */
#define TRIES_MAX 3

struct follower {
	sd_event *event;
	const char *directory;
	struct follower_callbacks callbacks;
	sd_journal *journal;
	sd_event_source *io, *again, *timer;
	char *last;          /* the cursor of the entry read last, or where to begin */
	bool test_cursor;    /* the next entry may be `last` itself */
	bool this_boot_only; /* begun at the head: skip older boots, with every handle from then on */
	bool reopen;
	unsigned failures;   /* in a row, at the entry after `last` */
	unsigned n_read;     /* entries, with this handle */
	enum catch_up catch_up;
	sd_id128_t boot;     /* this one */
};

void follower_free(struct follower *f) {
	if (!f)
		return;
	sd_event_source_disable_unref(f->io);
	sd_event_source_disable_unref(f->again);
	sd_event_source_disable_unref(f->timer);
	sd_journal_close(f->journal);
	sd_event_unref(f->event);
	free(f->last);
	free(f);
}

void follower_resume(struct follower *f) {
	(void)sd_event_source_set_enabled(f->again, SD_EVENT_ONESHOT);
}

/* To the tail: `last` becomes the newest entry there is. 0 too for an empty journal, where the head is the place. */
static int seek_tail(struct follower *f) {
	int r = sd_journal_seek_tail(f->journal);

	if (r < 0)
		return r;
	/* systemd #9934: next() after seek_tail() goes back to an old entry. */
	r = sd_journal_previous(f->journal);
	if (r < 0)
		return r;
	f->catch_up = CATCH_UP_ALL; /* from here on, whatever becomes of the handle */
	if (r == 0)
		return sd_journal_seek_head(f->journal);
	r = sd_journal_get_cursor(f->journal, &f->last);
	return MIN(r, 0);
}

static int seek(struct follower *f) {
	int r;

	f->test_cursor = false;
	if (f->last) {
		r = sd_journal_seek_cursor(f->journal, f->last);
		if (r >= 0) {
			f->test_cursor = true;
			return 0;
		}
		log_warning("the saved journal position is not usable (%s), ignoring it", strerror(-r));
		free(f->last);
		f->last = NULL;
	}
	if (f->catch_up == CATCH_UP_NONE)
		return seek_tail(f);
	f->this_boot_only = f->catch_up == CATCH_UP_BOOT;
	return sd_journal_seek_head(f->journal);
}

/*
 * Which boot is this one: that of the newest entry, for journald says so at its start. /proc may tell another one: in a
 * container that is the machine's own, once ProtectProc= has it mounted anew.
 */
static void find_boot(struct follower *f) {
	uint64_t usec;

	if (f->directory)
		return;
	if (sd_journal_seek_tail(f->journal) >= 0 && sd_journal_previous(f->journal) > 0)
		(void)sd_journal_get_monotonic_usec(f->journal, &usec, &f->boot);
}

static int on_journal(sd_event_source *source, int fd, uint32_t events, void *userdata);

static int open_and_seek(struct follower *f) {
	int r, fd;

	f->io = sd_event_source_disable_unref(f->io);
	sd_journal_close(f->journal);
	f->journal = NULL;
	f->n_read = 0;

	r = journal_open(f->directory, &f->journal);
	if (r < 0)
		return r;
	fd = sd_journal_get_fd(f->journal); /* before the first seek, so that nothing falls between */
	if (fd < 0)
		return fd;
	find_boot(f);
	/* No more matches: _TRANSPORT=journal has very many entries, whose index would be walked as well. */
	r = sd_journal_add_match(f->journal, "MESSAGE_ID=" COREDUMP_MESSAGE_ID, 0);
	if (r >= 0)
		r = sd_journal_add_match(f->journal, "MESSAGE_ID=" COREWATCH_MESSAGE_ID_MUTE, 0);
	if (r < 0)
		return r;
	r = seek(f);
	if (r < 0)
		return r;
	r = sd_event_add_io(f->event, &f->io, fd, (uint32_t)sd_journal_get_events(f->journal), on_journal, f);
	return r < 0 ? r : sd_event_source_set_exit_on_failure(f->io, true);
}

static void retry_later(struct follower *f) {
	f->reopen = true;
	(void)sd_event_source_set_time_relative(f->timer, REOPEN_USEC);
	(void)sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
}

static int reopen(struct follower *f) {
	int r = open_and_seek(f);

	f->reopen = false;
	if (r >= 0)
		return 0;
	if (r == -ENOMEM)
		return r;
	log_error("the journal cannot be opened (%s), trying again in %u s", strerror(-r),
	          (unsigned)(REOPEN_USEC / USEC_PER_SEC));
	retry_later(f);
	return r;
}

/* Whether the entry we stand on is one that was not read before. */
static bool is_new(struct follower *f) {
	char boot[SD_ID128_STRING_MAX];
	const void *data;
	size_t length;

	if (f->test_cursor) {
		f->test_cursor = false;
		if (sd_journal_test_cursor(f->journal, f->last) > 0)
			return false;
	}
	if (!f->this_boot_only)
		return true;
	return sd_journal_get_data(f->journal, "_BOOT_ID", &data, &length) >= 0 && length == strlen("_BOOT_ID=") + 32 &&
	       memcmp((const char *)data + strlen("_BOOT_ID="), sd_id128_to_string(f->boot, boot), 32) == 0;
}

static int read_entry(struct follower *f) {
	_cleanup_(entry_freep) struct entry *entry = NULL;
	_cleanup_free_ char *cursor = NULL;
	bool large;
	int r;

	r = sd_journal_get_cursor(f->journal, &cursor);
	if (r < 0)
		return r;
	if (!is_new(f)) {
		free(f->last);
		f->last = take_ptr(cursor);
		return 0;
	}
	r = reader_entry(f->journal, &entry);
	if (r < 0 && (r == -ENOMEM || ++f->failures < TRIES_MAX))
		return r;
	f->failures = 0;
	free(f->last);
	f->last = take_ptr(cursor);
	if (r < 0) {
		log_warning("ignoring the journal entry %s: it cannot be read (%s)", f->last, strerror(-r));
		return r;
	}
	large = r == READER_LARGE;
	r = f->callbacks.take(take_ptr(entry), f->journal, f->callbacks.userdata);
	f->reopen = f->reopen || large || r == READER_LARGE || ++f->n_read >= HANDLE_ENTRIES;
	return MIN(r, 0);
}

/* One step. 1: there may be more; 0: nothing more now; -errno. */
static int step(struct follower *f) {
	int r;

	if (f->reopen) {
		r = reopen(f);
		if (r < 0)
			return r == -ENOMEM ? r : 0;
	}
	if (!f->journal || !f->io || !f->callbacks.ready(f->callbacks.userdata))
		return 0;
	r = sd_journal_next(f->journal);
	if (r == 0)
		return 0;
	if (r > 0)
		r = read_entry(f);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		log_warning("reading the journal failed (%s), opening it again", strerror(-r));
		retry_later(f);
		return 0;
	}
	return 1;
}

static int read_batch(struct follower *f) {
	for (unsigned i = 0; i < BATCH; i++) {
		int r = step(f);

		if (r <= 0)
			return r;
	}
	follower_resume(f);
	return 0;
}

static int on_again(sd_event_source *source _unused_, void *userdata) {
	return read_batch(userdata);
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
	struct follower *f = userdata;

	if (f->journal && f->io && !f->reopen)
		(void)sd_journal_process(f->journal);
	return read_batch(f);
}

static int on_journal(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_, void *userdata) {
	struct follower *f = userdata;
	uint64_t usec;
	int r = sd_journal_process(f->journal);

	if (r < 0) {
		log_warning("following the journal failed (%s), opening it again", strerror(-r));
		f->io = sd_event_source_disable_unref(f->io);
		retry_later(f);
		return 0;
	}
	/* Only where inotify cannot be relied on (network file systems). */
	if (sd_journal_reliable_fd(f->journal) == 0 && sd_journal_get_timeout(f->journal, &usec) > 0 &&
	    usec != UINT64_MAX) {
		(void)sd_event_source_set_time(f->timer, usec);
		(void)sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
	}
	return read_batch(f);
}

int follower_new(sd_event *event, const char *directory, const char *cursor, enum catch_up catch_up,
                 const struct follower_callbacks *callbacks, struct follower **ret_follower) {
	_cleanup_(follower_freep) struct follower *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->event = sd_event_ref(event);
	f->directory = directory;
	f->callbacks = *callbacks;
	if (cursor) {
		f->last = strdup(cursor);
		if (!f->last)
			return -ENOMEM;
	}
	r = sd_id128_get_boot(&f->boot);
	if (r < 0)
		return r;
	/*
	 * A handler's error would only disable its source, and leave a daemon that lives and hears nothing: it ends
	 * instead, and the next one finds all in the journal.
	 */
	r = sd_event_add_defer(event, &f->again, on_again, f);
	if (r >= 0)
		r = sd_event_source_set_exit_on_failure(f->again, true);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(event, &f->timer, CLOCK_MONOTONIC, 0, 0, on_timer, f);
	if (r >= 0)
		r = sd_event_source_set_exit_on_failure(f->timer, true);
	if (r >= 0)
		r = sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	f->catch_up = catch_up;
	r = open_and_seek(f);
	if (r < 0)
		return r;
	follower_resume(f);
	*ret_follower = take_ptr(f);
	return 0;
}
