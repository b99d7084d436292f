/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See submit.h. Everything is sent by the daemon itself, never by a child with the owner's uid: journald looks the
 * sender's unit up in /proc after the fact (systemd #2913), and readers of reports filter by that unit, so the sender
 * must still be there. The kernel lets a process with CAP_SETUID and CAP_SETGID name other ids in SCM_CREDENTIALS,
 * with its own pid; journald takes _UID= from there. No sending waits: a journald that hangs does not stop the daemon
 * and its watchdog.
 */
#include "daemon/submit.h"

#include "daemon/native.h"
#include "util/log.h"

#define JOURNALD_SOCKET "/run/systemd/journal/socket"
/* journald reads its socket within milliseconds; one that does not is being restarted or is stuck. */
#define PAUSE_MIN_USEC (USEC_PER_SEC / 4)
#define PAUSE_MAX_USEC (60 * USEC_PER_SEC)
/* Failures that are not journald's absence, until the entry is sent as ourselves, and until it is given up. */
#define TRIES_AS_OWNER 3
#define TRIES_MAX 6

struct submit {
	struct submit_options options;
	struct submit_sender sender;
	struct submit_fields fields;
	char *what;
	submit_done done;
	void *userdata;
	sd_event_source *timer;
	uint64_t pause_usec;
	unsigned failures;
	bool waiting;
};

void submit_free(struct submit *submit) {
	if (!submit)
		return;
	sd_event_source_disable_unref(submit->timer);
	submit_fields_done(&submit->fields);
	free(submit->what);
	free(submit);
}

bool submit_as_owner(const struct crash *crash) {
	return crash->owner_may_read && !uid_is_system(crash->uid);
}

bool submit_is_waiting(const struct submit *submit) {
	return submit->waiting;
}

static int try_now(struct submit *submit) {
	bool as_owner = submit->sender.as_owner && submit->failures < TRIES_AS_OWNER;
	const struct ucred owner = { .pid = getpid(), .uid = submit->sender.uid, .gid = submit->sender.gid };

	if (submit->options.submit_file)
		return submit_fields_export(&submit->fields, as_owner ? submit->sender.uid : geteuid(),
		                            submit->options.submit_file);
	return native_send(JOURNALD_SOCKET, submit->fields.iov, submit->fields.n,
	                   as_owner && submit->options.privileged ? &owner : NULL);
}

/* 0: a timer is set; else it was given up. */
static int try_later(struct submit *submit, int error) {
	bool absent = error == -ENOENT || error == -ECONNREFUSED || error == -EAGAIN;

	if (!absent && ++submit->failures >= TRIES_MAX) {
		log_error("%s cannot be sent to the journal (%s), giving up", submit->what, strerror(-error));
		return error;
	}
	if (!submit->waiting)
		log_warning("%s cannot be sent to the journal (%s), trying again", submit->what, strerror(-error));
	submit->waiting = true;
	(void)sd_event_source_set_time_relative(submit->timer, submit->pause_usec);
	(void)sd_event_source_set_enabled(submit->timer, SD_EVENT_ONESHOT);
	submit->pause_usec = MIN(submit->pause_usec * 2, PAUSE_MAX_USEC);
	return 0;
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
	struct submit *submit = userdata;
	int r = try_now(submit);

	if (r < 0) {
		r = try_later(submit, r);
		if (r == 0)
			return 0;
	}
	submit->done(r, submit->userdata);
	return 0;
}

int submit_start(sd_event *event, const struct submit_options *options, const struct submit_sender *sender,
                 const char *what, struct submit_fields *fields, submit_done done, void *userdata,
                 struct submit **ret_submit) {
	_cleanup_(submit_freep) struct submit *submit = calloc(1, sizeof(*submit));
	int r;

	if (!submit) {
		submit_fields_done(fields);
		return -ENOMEM;
	}
	*submit = (struct submit){ .options = *options,
		                   .sender = *sender,
		                   .fields = *fields,
		                   .what = strdup(what),
		                   .done = done,
		                   .userdata = userdata,
		                   .pause_usec = PAUSE_MIN_USEC };
	*fields = (struct submit_fields){ .n = 0 };
	if (!submit->what)
		return -ENOMEM;
	/* The first try comes from the event loop too, so that the callback never comes before the return. */
	r = sd_event_add_time_relative(event, &submit->timer, CLOCK_MONOTONIC, 0, 1, on_timer, submit);
	if (r < 0)
		return r;
	*ret_submit = take_ptr(submit);
	return 0;
}
