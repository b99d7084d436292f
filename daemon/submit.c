/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See submit.h. Every report is sent by a short-lived child, whoever it is sent as: a journald that hangs stops the
 * child, not the daemon and its watchdog. The child tells the result through a pipe and then stays for a moment:
 * journald looks the sender's unit up in /proc after the fact (systemd #2913), and readers of reports filter by that
 * unit.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION /* no CODE_FILE= of ours in a report */
#include "daemon/submit.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-journal.h>

#include "daemon/submit-fields.h"
#include "util/io.h"
#include "util/log.h"

#define JOURNALD_SOCKET "/run/systemd/journal/socket"
#define LINGER_MSEC 1000
/* journald answers within milliseconds; one that does not is being restarted or is stuck. */
#define SEND_USEC (30 * USEC_PER_SEC)
#define PAUSE_MIN_USEC (1 * USEC_PER_SEC)
#define PAUSE_MAX_USEC (60 * USEC_PER_SEC)
/* Failures that are not journald's absence, until the report is sent as ourselves, and until it is given up. */
#define TRIES_AS_OWNER 3
#define TRIES_MAX 6

struct submit {
	sd_event *event;
	struct submit_options options;
	struct submit_fields fields;
	const struct crash *crash;
	submit_done done;
	void *userdata;
	sd_event_source *timer, *result, *child;
	int result_fd;
	uint64_t pause_usec;
	unsigned failures;
	bool told;
};

static void try_later(struct submit *submit, int error);

void submit_free(struct submit *submit) {
	if (!submit)
		return;
	sd_event_source_disable_unref(submit->timer);
	sd_event_source_disable_unref(submit->result);
	sd_event_source_unref(submit->child); /* the event loop waits for it */
	closep(&submit->result_fd);
	submit_fields_done(&submit->fields);
	sd_event_unref(submit->event);
	free(submit);
}

bool submit_as_owner(const struct crash *crash) {
	return crash->owner_may_read && !uid_is_system(crash->uid);
}

/* ── the child ── */

static int become(uint32_t uid, uint32_t gid) {
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

_Noreturn static void child(const struct submit *submit, bool as_owner, int result_fd) {
	sigset_t none;
	int r = 0;

	/* Nothing of the daemon's is for the owner's process: cores of others are among it. */
	if (dup2(result_fd, 3) < 0 || close_range(4, ~0U, 0) < 0)
		_exit(EXIT_FAILURE);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (as_owner)
		r = become(submit->crash->uid, submit->crash->gid);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* changing the uid resets it */
	if (r >= 0)
		r = sd_journal_sendv(submit->fields.iov, (int)submit->fields.n);
	r = MIN(r, 0);
	(void)write_full(3, &r, sizeof(r));
	poll(NULL, 0, LINGER_MSEC);
	_exit(EXIT_SUCCESS);
}

static int on_child(sd_event_source *source, const siginfo_t *info _unused_, void *userdata _unused_) {
	/* Its result was read from the pipe, or the pipe was closed. Drops the event loop's own reference. */
	(void)sd_event_source_set_floating(source, false);
	return 0;
}

/* ── the daemon's side ── */

static void finish(struct submit *submit, int result) {
	submit->done(result, submit->userdata);
}

static void forget_child(struct submit *submit) {
	submit->result = sd_event_source_disable_unref(submit->result);
	closep(&submit->result_fd);
	submit->result_fd = -EBADF;
	submit->child = sd_event_source_unref(submit->child);
}

static int on_result(sd_event_source *source _unused_, int fd, uint32_t events _unused_, void *userdata) {
	struct submit *submit = userdata;
	int result;
	ssize_t n = read_full(fd, &result, sizeof(result));

	forget_child(submit);
	if (n != sizeof(result))
		result = -EPIPE;
	if (result < 0)
		try_later(submit, result);
	else
		finish(submit, 0);
	return 0;
}

bool submit_is_waiting(const struct submit *submit) {
	return submit->told && !submit->child;
}

static int start_child(struct submit *submit, bool as_owner) {
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	ours = fds[0];
	theirs = fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(submit, as_owner, theirs);
	r = sd_event_add_child(submit->event, &submit->child, pid, WEXITED, on_child, NULL);
	if (r < 0) {
		kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return r;
	}
	(void)sd_event_source_set_floating(submit->child, true);
	submit->result_fd = take_fd(ours);
	r = sd_event_add_io(submit->event, &submit->result, submit->result_fd, EPOLLIN, on_result, submit);
	if (r < 0)
		forget_child(submit);
	return r;
}

static int set_timer(struct submit *submit, uint64_t usec) {
	int r = sd_event_source_set_time_relative(submit->timer, usec);

	return r < 0 ? r : sd_event_source_set_enabled(submit->timer, SD_EVENT_ONESHOT);
}

static int try_now(struct submit *submit) {
	bool as_owner = submit_as_owner(submit->crash) && submit->failures < TRIES_AS_OWNER;

	if (submit->options.submit_file) {
		int r = submit_fields_export(&submit->fields, submit->crash, as_owner ? submit->crash->uid : geteuid(),
		                             submit->options.submit_file);
		if (r >= 0)
			finish(submit, 0);
		return r;
	}
	/* sd_journal_sendv() calls it a success when there is no journald. */
	if (access(JOURNALD_SOCKET, F_OK) < 0)
		return -ENOTCONN;
	(void)set_timer(submit, SEND_USEC);
	return start_child(submit, as_owner && submit->options.privileged);
}

static void try_later(struct submit *submit, int error) {
	bool absent = error == -ENOTCONN || error == -ECONNREFUSED || error == -ETIMEDOUT;

	if (!absent && ++submit->failures >= TRIES_MAX) {
		log_error("the report of crash %s cannot be sent to the journal (%s), giving up", submit->crash->id,
		          strerror(-error));
		finish(submit, error);
		return;
	}
	if (!submit->told)
		log_warning("the report of crash %s cannot be sent to the journal (%s), trying again",
		            submit->crash->id, strerror(-error));
	submit->told = true;
	(void)set_timer(submit, submit->pause_usec);
	submit->pause_usec = MIN(submit->pause_usec * 2, PAUSE_MAX_USEC);
}

/* Time to try (again), or the end of the child's time. */
static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
	struct submit *submit = userdata;
	int r;

	if (submit->child) {
		(void)sd_event_source_send_child_signal(submit->child, SIGKILL, NULL, 0);
		forget_child(submit);
		try_later(submit, -ETIMEDOUT);
		return 0;
	}
	r = try_now(submit);
	if (r < 0)
		try_later(submit, r);
	return 0;
}

int submit_start(sd_event *event, const struct submit_options *options, const struct crash *crash, json_object *report,
                 submit_done done, void *userdata, struct submit **ret_submit) {
	_cleanup_(submit_freep) struct submit *submit = calloc(1, sizeof(*submit));
	int r;

	if (!submit)
		return -ENOMEM;
	*submit = (struct submit){ .event = sd_event_ref(event),
		                   .options = *options,
		                   .crash = crash,
		                   .done = done,
		                   .userdata = userdata,
		                   .result_fd = -EBADF,
		                   .pause_usec = PAUSE_MIN_USEC };
	r = submit_fields_make(crash, report, &submit->fields);
	if (r < 0)
		return r;
	/* The first try comes from the event loop too, so that the callback never comes before the return. */
	r = sd_event_add_time_relative(event, &submit->timer, CLOCK_MONOTONIC, 0, 1, on_timer, submit);
	if (r < 0)
		return r;
	*ret_submit = take_ptr(submit);
	return 0;
}
