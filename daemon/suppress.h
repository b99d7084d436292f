/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Crashes that are not analysed: counted, and told in one journal entry for each window and user, never dropped in
 * silence. The entry names the crashes by their ids, so that a daemon that was killed does not count them again. Its
 * fields: man corewatch(8), CRASHES THAT ARE NOT ANALYSED.
 */
#pragma once

#include "daemon/crash.h"
#include "daemon/state.h"
#include "daemon/submit.h"

enum suppress_reason {
	SUPPRESS_ALIKE,   /* MaxAlike= */
	SUPPRESS_PROGRAM, /* MaxPerProgram= */
	SUPPRESS_TOTAL,   /* MaxTotal= */
	SUPPRESS_MUTED,
	SUPPRESS_SKIPPED, /* SkipPrograms=, SkipKilled= */
	SUPPRESS_LOST,    /* its entry was vacuumed while it waited */
	_SUPPRESS_MAX,
};

struct suppressed {
	const char *id; /* the crash's */
	uint32_t uid, gid;
	bool as_owner; /* he may know of it: submit_as_owner() */
	const char *program;
	enum suppress_reason reason;
};

struct suppressor;

struct suppress_setup {
	sd_event *event;
	struct submit_options submit;
	/*
	 * A summary was sent (or given up: nothing more can be done for it): the ticket is the callee's to end. id is
	 * that of one of its crashes.
	 */
	void (*done)(struct ticket *ticket, const struct suppressed *first, bool sent, void *userdata);
	void *userdata;
	struct progress *progress;
};

int suppress_new(const struct suppress_setup *setup, struct suppressor **ret_suppressor); /* 0 or -ENOMEM */
void suppress_free(struct suppressor *suppressor);
DEFINE_CLEANUP(struct suppressor *, suppress_free);

/*
 * Counts a crash. The ticket is taken: ended at once, or kept until the summary is sent, so that the saved cursor
 * never passes a crash that nobody was told of. The summary comes window_usec after its first crash. 0 or -errno.
 */
int suppress_add(struct suppressor *suppressor, const struct suppressed *crash, struct ticket *ticket,
                 uint64_t window_usec);
/* Sends all summaries now. */
void suppress_flush(struct suppressor *suppressor);
/* Whether summaries are being sent; waiting: none but such as wait for journald. */
bool suppress_is_sending(const struct suppressor *suppressor);
bool suppress_is_waiting(const struct suppressor *suppressor);
uint64_t suppress_count(const struct suppressor *suppressor); /* since the start */
