/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See manager.h. Jobs, signals, beginning and end; what becomes of an entry is intake.c's, and when it is done with is
 * settle.c's.
 */
#include "daemon/manager.h"

#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-login.h>

#include "daemon/document.h"
#include "daemon/fetch.h"
#include "daemon/intake.h"
#include "daemon/job.h"
#include "daemon/settle.h"
#include "daemon/synchronize.h"
#include "util/clock.h"
#include "util/log.h"

/* Lines about entries that any user can send; the rest of a minute's is counted. */
#define COMPLAINTS_MAX 30
#define COMPLAINTS_USEC (60 * USEC_PER_SEC)
#define NOBODY 65534

bool manager_may_complain(struct manager *m) {
	uint64_t now = clock_usec(CLOCK_MONOTONIC);

	if (now - m->complaints_since >= COMPLAINTS_USEC) {
		if (m->n_complaints > COMPLAINTS_MAX)
			log_notice("%u more such lines were left out in the minute before",
			           m->n_complaints - COMPLAINTS_MAX);
		m->complaints_since = now;
		m->n_complaints = 0;
	}
	return ++m->n_complaints <= COMPLAINTS_MAX;
}

static void tell_status(struct manager *m) {
	(void)sd_notifyf(false, "STATUS=%" PRIu64 " %s reported, %" PRIu64 " not analysed, %u running, %zu waiting",
	                 m->n_reported, m->n_reported == 1 ? "crash" : "crashes", suppress_count(m->suppressor),
	                 m->n_jobs, queue_length(m->queue));
}

/* ── jobs ── */

static void exit_if_done(struct manager *m) {
	if (m->stopping && !m->jobs && !suppress_is_sending(m->suppressor))
		(void)sd_event_exit(m->event, 0);
}

/* The job is the caller's then, and its worker's place free. */
static void remove_job(struct manager *m, struct job *job) {
	*(job->previous ? &job->previous->next : &m->jobs) = job->next;
	if (job->next)
		job->next->previous = job->previous;
	m->n_jobs--;
	tell_status(m);
	(void)sd_event_source_set_enabled(m->next, SD_EVENT_ONESHOT);
	fetch_resume(m->fetch);
	exit_if_done(m);
}

void manager_job_done(struct manager *m, struct job *job, bool reported) {
	const struct triage_key key = triage_key_of(job->crash);

	if (!job->ticket) /* an update: its crash was done with after the first report */
		settle_later(m);
	else if (reported)
		settle_when_stored(m, &key, job->ticket, job->crash->tries + 1);
	else
		settle(m, job->ticket);
	m->n_reported += reported && job->crash->revision == 0;
	remove_job(m, job);
	if (!reported || !fetch_take(m->fetch, job))
		job_free(job);
}

int manager_job_unwanted(struct manager *m, struct job *job, enum suppress_reason reason) {
	int r = intake_suppress(m, job->crash, reason, job->ticket);

	remove_job(m, job);
	job_free(job);
	return r;
}

static void on_summary(struct ticket *ticket, const struct suppressed *first, bool sent, void *userdata) {
	const struct triage_key key = { .id = first->id, .uid = first->uid, .owner_may_read = first->as_owner };
	struct manager *m = userdata;

	if (sent)
		settle_when_stored(m, &key, ticket, 1);
	else
		settle(m, ticket);
	tell_status(m);
	(void)sd_event_source_set_enabled(m->next, SD_EVENT_ONESHOT); /* by then its batch is gone */
}

/* A worker is free, or somebody waits. */
static int on_next(sd_event_source *source _unused_, void *userdata) {
	struct manager *m = userdata;
	int r = intake_next(m);

	if (r < 0)
		return r;
	exit_if_done(m);
	if (!m->stopping)
		follower_resume(m->follower);
	return 0;
}

/* ── signals ── */

static void free_jobs(struct manager *m) {
	while (m->jobs) {
		struct job *job = m->jobs;
		m->jobs = job->next;
		job_free(job);
	}
	m->n_jobs = 0;
}

static int on_stop_timeout(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
	struct manager *m = userdata;

	log_notice("%u crashes are left for the next start", m->n_jobs);
	free_jobs(m);
	return sd_event_exit(m->event, 0);
}

static bool all_wait_for_journald(const struct manager *m) {
	for (const struct job *job = m->jobs; job; job = job->next)
		if (!job->submit || !submit_is_waiting(job->submit))
			return false;
	return suppress_is_waiting(m->suppressor);
}

/*
 * SIGTERM: what runs may end, nothing new begins. What waits for a worker or for journald waits for the next start. A
 * second one does not wait at all.
 */
static int on_stop(sd_event_source *source _unused_, const struct signalfd_siginfo *info _unused_, void *userdata) {
	struct manager *m = userdata;

	if (m->stopping || all_wait_for_journald(m)) {
		free_jobs(m);
		return sd_event_exit(m->event, 0);
	}
	m->stopping = true;
	suppress_flush(m->suppressor);
	(void)sd_notify(false, "STOPPING=1");
	return sd_event_add_time_relative(m->event, &m->stop_timer, CLOCK_MONOTONIC, m->config->stop_timeout_usec, 0,
	                                  on_stop_timeout, m);
}

static int on_reload(sd_event_source *source _unused_, const struct signalfd_siginfo *info _unused_, void *userdata) {
	struct manager *m = userdata;
	struct config *config;
	int r;

	(void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_usec(CLOCK_MONOTONIC));
	r = config_load(m->options.config_root, &config);
	if (r < 0)
		log_error("the configuration cannot be read again (%s), keeping the old one", strerror(-r));
	else {
		config_free(m->config);
		m->config = config;
		log_set_max_level(config->log_level);
	}
	(void)sd_notify(false, "READY=1");
	tell_status(m);
	return sd_event_source_set_enabled(m->next, SD_EVENT_ONESHOT); /* there may be more workers now */
}

static int watch_signals(struct manager *m) {
	static const struct { int number; sd_event_signal_handler_t handler; } signals[] = {
		{ SIGTERM, on_stop }, { SIGINT, on_stop }, { SIGHUP, on_reload },
	};
	sigset_t set;
	int r = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD); /* sd_event_add_child() */
	for (size_t i = 0; i < ELEMENTSOF(signals); i++)
		sigaddset(&set, signals[i].number);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ELEMENTSOF(signals) && r >= 0; i++)
		r = sd_event_add_signal(m->event, NULL, signals[i].number, signals[i].handler, m);
	return r;
}

/* ── beginning and end ── */

static void look_up_users(struct manager *m) {
	const struct passwd *user;

	m->privileged = geteuid() == 0;
	user = getpwnam("systemd-coredump");
	m->has_coredump_uid = user;
	if (user)
		m->coredump_uid = user->pw_uid;
	user = getpwnam("corewatch");
	m->service_uid = user ? user->pw_uid : NOBODY;
	m->service_gid = user ? user->pw_gid : NOBODY;
	if (!user && m->privileged)
		log_warning("there is no user \"corewatch\", system services' crashes are analysed as nobody: "
		            "run systemd-sysusers");
}

/* The event loop's own: signals, watchdog, timers. */
static int watch_events(struct manager *m) {
	int r;

	r = watch_signals(m);
	if (r < 0)
		return r;
	r = sd_event_set_watchdog(m->event, true);
	if (r < 0)
		return r;
	r = sd_event_add_defer(m->event, &m->next, on_next, m);
	if (r >= 0)
		r = sd_event_source_set_exit_on_failure(m->next, true);
	return r < 0 ? r : sd_event_source_set_enabled(m->next, SD_EVENT_OFF);
}

/* What decides about crashes, and keeps account of them. */
static int open_triage(struct manager *m) {
	const struct triage_self self = { .uid = geteuid(), .unit = m->unit };
	const struct suppress_setup setup = {
		.event = m->event,
		.submit = { .privileged = m->privileged, .submit_file = m->options.submit_file },
		.done = on_summary,
		.userdata = m,
		.progress = m->progress,
	};
	int r;

	r = triage_new(m->options.journal_directory, &self, &m->triage);
	if (r >= 0)
		r = queue_new(&m->queue);
	if (r >= 0)
		r = rate_new(&m->rate);
	if (r >= 0)
		r = suppress_new(&setup, &m->suppressor);
	return r < 0 ? r : settle_open(m);
}

static int open_parts(struct manager *m) {
	const struct follower_callbacks callbacks = { intake_is_ready, intake_take, m };
	int r;

	r = config_load(m->options.config_root, &m->config);
	if (r < 0)
		return r;
	log_set_max_level(m->config->log_level);
	look_up_users(m);
	m->os_name = os_pretty_name("/etc/os-release");
	(void)sd_pid_get_unit(0, &m->unit); /* stays NULL where there are none: tests */
	r = state_open(m->options.state_directory, &m->state);
	if (r < 0)
		return r;
	r = fetch_new(m, &m->fetch);
	if (r < 0)
		return r;
	r = progress_new(&m->progress);
	if (r < 0)
		return r;
	r = watch_events(m);
	if (r < 0)
		return r;
	r = open_triage(m);
	if (r < 0)
		return r;
	if (!m->options.journal_directory)
		journal_synchronize();
	r = follower_new(m->event, m->options.journal_directory, state_cursor(m->state), m->config->catch_up,
	                 &callbacks, &m->follower);
	if (r < 0)
		log_error("the journal cannot be opened: %s", strerror(-r));
	return r;
}

void manager_free(struct manager *m) {
	if (!m)
		return;
	free_jobs(m);
	fetch_free(m->fetch);
	sd_event_source_disable_unref(m->stop_timer);
	sd_event_source_disable_unref(m->save_timer);
	sd_event_source_disable_unref(m->next);
	follower_free(m->follower);
	queue_free(m->queue);
	rate_free(m->rate);
	suppress_free(m->suppressor);
	confirm_free(m->confirm);
	triage_free(m->triage);
	progress_free(m->progress);
	state_free(m->state);
	config_free(m->config);
	sd_event_unref(m->event);
	free(m->os_name);
	free(m->unit);
	free(m);
}

int manager_new(const struct manager_options *options, struct manager **ret_manager) {
	_cleanup_(manager_freep) struct manager *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->options = *options;
	m->complaints_since = clock_usec(CLOCK_MONOTONIC);
	r = sd_event_default(&m->event);
	if (r < 0)
		return r;
	r = open_parts(m);
	if (r < 0)
		return r;
	*ret_manager = take_ptr(m);
	return 0;
}

int manager_run(struct manager *m) {
	int r;

	(void)sd_notify(false, "READY=1");
	tell_status(m);
	r = sd_event_loop(m->event);
	settle_now(m);
	(void)sd_notify(false, "STOPPING=1");
	return r;
}
