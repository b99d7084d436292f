/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See manager.h. An entry gets a ticket when it is read and gives it back when nothing is left to do for it; the
 * saved cursor follows the oldest ticket. So a crash of the daemon, or a stop in the middle of a job, leaves the
 * crash in the queue.
 */
#include "daemon/manager.h"

#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "daemon/document.h"
#include "daemon/fetch.h"
#include "daemon/job.h"
#include "util/log.h"

/* Lines about entries that any user can send; the rest of a minute's is counted. */
#define COMPLAINTS_MAX 30
#define COMPLAINTS_USEC (60 * USEC_PER_SEC)
#define SAVE_USEC (1 * USEC_PER_SEC)
#define NOBODY 65534

static uint64_t monotonic_usec(void) {
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

/* Whether one more line is allowed. */
static bool may_complain(struct manager *m) {
	uint64_t now = monotonic_usec();

	if (now - m->complaints_since >= COMPLAINTS_USEC) {
		if (m->n_complaints > COMPLAINTS_MAX)
			log_notice("ignored %u more journal entries in the last minute",
			           m->n_complaints - COMPLAINTS_MAX);
		m->complaints_since = now;
		m->n_complaints = 0;
	}
	return ++m->n_complaints <= COMPLAINTS_MAX;
}

static void tell_status(struct manager *m) {
	(void)sd_notifyf(false, "STATUS=%" PRIu64 " %s reported, %u running", m->n_reported,
	                 m->n_reported == 1 ? "crash" : "crashes", m->n_jobs);
}

static void save(struct manager *m) {
	int r = state_save(m->state, progress_cursor(m->progress));

	if (r < 0 && may_complain(m))
		log_error("the position in the journal cannot be saved in %s: %s", m->options.state_directory,
		          strerror(-r));
}

static int on_save(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
	save(userdata);
	return 0;
}

/*
 * Nothing was to be done for it. Saved with others: anyone can send thousands of entries that are refused, and each
 * save waits for the disk.
 */
static void entry_dropped(struct manager *m, struct ticket *ticket) {
	progress_end(m->progress, ticket);
	if (sd_event_source_get_enabled(m->save_timer, NULL) != SD_EVENT_OFF)
		return;
	(void)sd_event_source_set_time_relative(m->save_timer, SAVE_USEC);
	(void)sd_event_source_set_enabled(m->save_timer, SD_EVENT_ONESHOT);
}

void manager_job_done(struct manager *m, struct job *job, bool reported) {
	struct ticket *ticket = job->ticket;

	*(job->previous ? &job->previous->next : &m->jobs) = job->next;
	if (job->next)
		job->next->previous = job->previous;
	m->n_jobs--;
	m->n_reported += reported && job->crash->revision == 0;
	if (!reported || !fetch_take(m->fetch, job))
		job_free(job);
	if (ticket)
		progress_end(m->progress, ticket);
	save(m);
	tell_status(m);
	if (!m->stopping) {
		fetch_resume(m->fetch);
		follower_resume(m->follower);
	}
	else if (!m->jobs)
		(void)sd_event_exit(m->event, 0);
}

/* ── entries ── */

static bool is_running(const struct manager *m, const struct crash *crash) {
	for (const struct job *job = m->jobs; job; job = job->next)
		if (streq(job->crash->id, crash->id))
			return true;
	return false;
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
static int fetch_core(struct manager *m, struct crash *crash) {
	int fd;

	if (crash->core_state != CORE_JOURNAL)
		return 0;
	fd = follower_copy_core(m->follower, m->config->journal_core_max, &crash->core_bytes);
	if (fd == -ENOMEM)
		return fd;
	if (fd < 0) {
		crash->core_state = CORE_INACCESSIBLE;
		free(crash->core_problem);
		crash->core_problem =
			strdup(fd == -EFBIG ? "the core is larger than JournalCoreMax= allows" : strerror(-fd));
		return crash->core_problem ? 0 : -ENOMEM;
	}
	crash->core_fd = fd;
	if (entry_get(crash->entry, FIELD_COREDUMP_TRUNCATED))
		crash->core_state = CORE_TRUNCATED;
	return 0;
}

/* 1: a job has it; 0: nothing left to do. */
static int handle_crash(struct manager *m, struct crash *crash, struct ticket *ticket) {
	_cleanup_(crash_freep) struct crash *guard = crash;
	int r;

	if (is_running(m, crash))
		return 0;
	switch (triage_crash(m->triage, crash)) {
	case TRIAGE_DONE:
		log_debug("crash %s has its report already", crash->id);
		return 0;
	case TRIAGE_OWN:
		if (may_complain(m))
			log_error("a process of our own (%s[%" PRIi32 "]) was killed by signal %d, not analysing it",
			          entry_get(crash->entry, FIELD_COREDUMP_COMM), crash->pid, crash->signal);
		return 0;
	case TRIAGE_ANALYSE:
		break;
	}
	r = fetch_core(m, crash);
	if (r < 0)
		return r;
	r = job_start(m, take_ptr(guard), ticket);
	tell_status(m);
	return r < 0 ? r : 1;
}

/* 0 or -EBADMSG with a reason; then the entry stays the caller's. */
static int judge(struct manager *m, struct entry *entry, struct crash **ret_crash, const char **ret_reason) {
	const struct admit_policy policy = make_policy(m);
	int r;

	r = admit_entry(&policy, entry, ret_reason);
	if (r < 0)
		return r;
	/* Only now, for it unpacks every field of the entry, however large. */
	r = follower_count_fields(m->follower, entry);
	if (r < 0) {
		*ret_reason = "it cannot be read";
		return r == -ENOMEM ? r : -EBADMSG;
	}
	return admit(&policy, entry, ret_crash, ret_reason);
}

static int take_entry(struct entry *entry, void *userdata) {
	_cleanup_(entry_freep) struct entry *guard = entry;
	struct manager *m = userdata;
	struct crash *crash;
	struct ticket *ticket;
	const char *reason = "";
	int r;

	r = progress_begin(m->progress, entry->cursor, &ticket);
	if (r < 0)
		return r;
	r = judge(m, entry, &crash, &reason);
	if (r == -EBADMSG) {
		if (may_complain(m))
			log_notice("ignoring the journal entry %s: %s", entry->cursor, reason);
		entry_dropped(m, ticket);
		return 0;
	}
	if (r < 0)
		return r;
	guard = NULL; /* the crash's */
	r = handle_crash(m, crash, ticket);
	if (r == 0)
		entry_dropped(m, ticket);
	return MIN(r, 0);
}

static bool is_ready(void *userdata) {
	const struct manager *m = userdata;

	return !m->stopping && m->n_jobs < m->config->max_workers;
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

/*
 * SIGTERM: what runs may end, nothing new begins. What waits for journald waits for the next start. A second one does
 * not wait at all.
 */
static int on_stop(sd_event_source *source _unused_, const struct signalfd_siginfo *info _unused_, void *userdata) {
	struct manager *m = userdata;
	bool waiting = true;

	for (const struct job *job = m->jobs; job; job = job->next)
		waiting = waiting && job->submit && submit_is_waiting(job->submit);
	if (m->stopping || waiting) {
		free_jobs(m);
		return sd_event_exit(m->event, 0);
	}
	m->stopping = true;
	(void)sd_notify(false, "STOPPING=1");
	return sd_event_add_time_relative(m->event, &m->stop_timer, CLOCK_MONOTONIC, m->config->stop_timeout_usec, 0,
	                                  on_stop_timeout, m);
}

static int on_reload(sd_event_source *source _unused_, const struct signalfd_siginfo *info _unused_, void *userdata) {
	struct manager *m = userdata;
	struct config *config;
	int r;

	(void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, monotonic_usec());
	r = config_load(m->options.config_root, &config);
	if (r < 0)
		log_error("the configuration cannot be read again (%s), keeping the old one", strerror(-r));
	else {
		config_free(m->config);
		m->config = config;
		log_set_max_level(config->log_level);
	}
	(void)sd_notify(false, "READY=1");
	follower_resume(m->follower); /* there may be more workers now */
	return 0;
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

static int open_parts(struct manager *m) {
	const struct follower_callbacks callbacks = { is_ready, take_entry, m };
	int r;

	r = config_load(m->options.config_root, &m->config);
	if (r < 0)
		return r;
	log_set_max_level(m->config->log_level);
	look_up_users(m);
	m->os_name = os_pretty_name("/etc/os-release");
	r = state_open(m->options.state_directory, &m->state);
	if (r < 0) {
		log_error("the state directory %s cannot be used: %s", m->options.state_directory, strerror(-r));
		return r;
	}
	r = fetch_new(m, &m->fetch);
	if (r < 0)
		return r;
	r = progress_new(&m->progress);
	if (r < 0)
		return r;
	r = triage_new(m->options.journal_directory, geteuid(), &m->triage);
	if (r < 0)
		return r;
	r = watch_signals(m);
	if (r < 0)
		return r;
	r = sd_event_set_watchdog(m->event, true);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(m->event, &m->save_timer, CLOCK_MONOTONIC, SAVE_USEC, 0, on_save, m);
	if (r < 0)
		return r;
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
	follower_free(m->follower);
	triage_free(m->triage);
	progress_free(m->progress);
	state_free(m->state);
	config_free(m->config);
	sd_event_unref(m->event);
	free(m->os_name);
	free(m);
}

int manager_new(const struct manager_options *options, struct manager **ret_manager) {
	_cleanup_(manager_freep) struct manager *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->options = *options;
	m->complaints_since = monotonic_usec();
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
	save(m);
	(void)sd_notify(false, "STOPPING=1");
	return r;
}
