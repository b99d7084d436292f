/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See job.h. The worker may crash, hang, lie or not be there: each ends in a report that says so. The order: spawn,
 * wait (or kill when the time is up), read the records, build the report, look once more whether the journal has one,
 * send.
 */
#include "daemon/job.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <time.h>

#include "daemon/cache.h"
#include "daemon/document.h"
#include "daemon/fetch.h"
#include "daemon/intake.h"
#include "daemon/procinfo.h"
#include "report/report.h"
#include "util/log.h"
#include "util/protocol.h"
#include "util/spawn.h"
#include "util/text.h"

/* The worker's own options, and a few per configured analyzer. execve(2) has its limit too, far above. */
#define ARGUMENTS_MAX 512

struct arguments {
	char *v[ARGUMENTS_MAX + 1];
	size_t n;
	bool failed;
};

static void arguments_done(struct arguments *arguments) {
	for (size_t i = 0; i < arguments->n; i++)
		free(arguments->v[i]);
}

static void add(struct arguments *arguments, const char *format, ...) _printf_(2, 3);
static void add(struct arguments *arguments, const char *format, ...) {
	va_list ap;

	if (arguments->n >= ARGUMENTS_MAX)
		return;
	va_start(ap, format);
	if (vasprintf(&arguments->v[arguments->n], format, ap) < 0) {
		arguments->v[arguments->n] = NULL;
		arguments->failed = true;
	} else
		arguments->n++;
	va_end(ap);
}

void job_free(struct job *job) {
	if (!job)
		return;
	if (job->child && job->pid > 0) {
		kill(-job->pid, SIGKILL); /* its session, and so its process group */
		(void)sd_event_source_set_child_process_own(job->child, true);
	}
	sd_event_source_disable_unref(job->child);
	sd_event_source_disable_unref(job->timer);
	closep(&job->records_fd);
	submit_free(job->submit);
	json_object_put(job->missing);
	free(job->fingerprint);
	crash_free(job->crash);
	free(job);
}

/*
 * Whose rights the worker gets: the owner's, if the core is his to read. A set-uid program's core, or a system
 * service's, is looked at by the service's own user, who has nothing else.
 */
static void worker_ids(const struct job *job, uint32_t *ret_uid, uint32_t *ret_gid) {
	const struct manager *m = job->manager;
	bool owner = submit_as_owner(job->crash);

	if (!m->privileged) {
		*ret_uid = geteuid();
		*ret_gid = getegid();
		return;
	}
	*ret_uid = owner ? job->crash->uid : m->service_uid;
	*ret_gid = owner ? job->crash->gid : m->service_gid;
}

static void add_process(const struct job *job, struct arguments *arguments) {
	const char *limits = entry_get(job->crash->entry, FIELD_COREDUMP_PROC_LIMITS);
	const char *thread = entry_get(job->crash->entry, FIELD_COREDUMP_THREAD_NAME);
	uint64_t stack, space;

	if (limits && limits_stack_size(limits, &stack) >= 0) {
		if (stack == UINT64_MAX)
			add(arguments, "--stack-limit=unlimited");
		else
			add(arguments, "--stack-limit=%" PRIu64, stack);
	}
	if (limits && limits_address_space(limits, &space) >= 0 && space != UINT64_MAX)
		add(arguments, "--address-space-limit=%" PRIu64, space);
	if (thread) {
		char clean[256];

		text_clean(thread, strlen(thread), clean, sizeof(clean));
		add(arguments, "--thread-name=%s", clean);
	}
}

static void add_config(const struct config *config, struct arguments *arguments) {
	add(arguments, "--memory-max=%" PRIu64, config->memory_max);
	add(arguments, "--cpu-max=%" PRIu64, MAX(config->cpu_max_usec / USEC_PER_SEC, UINT64_C(1)));
	if (config->analyzers_directory)
		add(arguments, "--analyzers-dir=%s", config->analyzers_directory);
	for (char **p = config->enable; p && *p; p++)
		add(arguments, "--enable=%s", *p);
	for (char **p = config->disable; p && *p; p++)
		add(arguments, "--disable=%s", *p);
	for (char **p = config->analyzer_options; p && *p; p++)
		add(arguments, "--analyzer-option=%s", *p);
}

static void on_sent(int result, void *userdata) {
	struct job *job = userdata;

	manager_job_done(job->manager, job, result >= 0);
}

static void count_fingerprint(struct job *job, json_object *report) {
	const char *fingerprint = document_fingerprint(report);

	if (!fingerprint)
		return;
	/* An update counts only under a fingerprint that the crash was not counted under before. */
	if (!job->fingerprint || !streq(job->fingerprint, fingerprint)) {
		if (state_count(job->manager->state, fingerprint, job->crash->timestamp, &job->seen, &job->first_seen) < 0)
			return;
		free(job->fingerprint);
		job->fingerprint = strdup(fingerprint);
	}
	(void)report_set_seen(report, job->seen, job->first_seen);
}

static int send_report(struct job *job, json_object *report) {
	struct manager *m = job->manager;
	const struct submit_options options = { .privileged = m->privileged, .submit_file = m->options.submit_file };
	const struct submit_sender sender = { .as_owner = submit_as_owner(job->crash),
		                              .uid = job->crash->uid,
		                              .gid = job->crash->gid };
	const struct triage_key key = triage_key_of(job->crash);
	struct submit_fields fields;
	enum suppress_reason reason;
	char what[64];
	int r;

	if (job->crash->revision == 0 && triage_search(m->triage, &key) != TRIAGE_ANALYSE) {
		log_debug("crash %s has got its report meanwhile", job->crash->id);
		manager_job_done(m, job, false);
		return 0;
	}
	/* An update is of a crash that has its report, whatever was muted since. */
	if (job->crash->revision == 0 && intake_is_unwanted(m, job->crash, report, &reason))
		return manager_job_unwanted(m, job, reason);
	count_fingerprint(job, report);
	r = submit_fields_make(job->crash, report, &fields);
	if (r < 0)
		return r;
	snprintf(what, sizeof(what), "the report of crash %s", job->crash->id);
	return submit_start(m->event, &options, &sender, what, &fields, on_sent, job, &job->submit);
}

static void put_report(json_object **report) {
	json_object_put(*report);
}

static int finish(struct job *job, struct worker_end *end) {
	_cleanup_(put_report) json_object *report = NULL;
	_cleanup_free_ char *records = NULL;
	size_t length = 0;
	bool cut = false;
	int r = 0;

	if (job->records_fd >= 0)
		r = spawn_read_records(job->records_fd, &records, &length, &cut);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		end->message = "its records could not be read";
	else if (cut)
		end->message = "it wrote more than it may, the rest was cut";
	if (!job->manager->config->command_line)
		entry_forget(job->crash->entry, FIELD_COREDUMP_CMDLINE);
	r = document_build(job->crash, job->manager->os_name, end, records, length, &report);
	if (r < 0)
		return r;
	closep(&job->records_fd);
	job->records_fd = -EBADF;
	if (job->crash->revision > 0) {
		/* The first report was better than this. */
		if (end->status != REPORT_WORKER_EXITED || report_completeness(report) == REPORT_NOTHING) {
			manager_job_done(job->manager, job, false);
			return 0;
		}
	} else if (job->manager->config->debuginfod && end->status == REPORT_WORKER_EXITED)
		(void)report_read_missing(records, length, &job->missing);
	return send_report(job, report);
}

static int on_timeout(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
	struct job *job = userdata;

	job->timed_out = true;
	kill(-job->pid, SIGKILL); /* not reaped yet, so the id is still its own */
	(void)sd_event_source_send_child_signal(job->child, SIGKILL, NULL, 0);
	return 0;
}

static int on_exit_of_worker(sd_event_source *source _unused_, const siginfo_t *info, void *userdata) {
	struct job *job = userdata;
	struct worker_end end = { .code = info->si_status };

	if (job->timed_out)
		end.status = REPORT_WORKER_TIMEOUT;
	else
		end.status = info->si_code == CLD_EXITED ? REPORT_WORKER_EXITED : REPORT_WORKER_SIGNALED;
	/* Not reaped yet: what it may have started goes with it. */
	kill(-job->pid, SIGKILL);
	job->pid = 0;
	job->child = sd_event_source_disable_unref(job->child);
	job->timer = sd_event_source_disable_unref(job->timer);
	if (job->timed_out)
		log_notice("the worker for crash %s was too slow and was killed", job->crash->id);
	else if (end.status == REPORT_WORKER_SIGNALED)
		log_notice("the worker for crash %s was killed by signal %d", job->crash->id, end.code);
	return finish(job, &end);
}

static int watch(struct job *job) {
	sd_event *event = job->manager->event;
	int r;

	r = sd_event_add_child(event, &job->child, job->pid, WEXITED, on_exit_of_worker, job);
	/*
	 * A report that cannot be made ends the daemon, with the crash still in the queue; else the job would wait for
	 * ever.
	 */
	if (r >= 0)
		r = sd_event_source_set_exit_on_failure(job->child, true);
	if (r < 0)
		return r;
	return sd_event_add_time_relative(event, &job->timer, CLOCK_MONOTONIC, job->manager->config->timeout_usec, 0,
	                                  on_timeout, job);
}

/* 0: running. -ENOENT and others: it could not be started. */
static int start_worker(struct job *job) {
	const struct config *config = job->manager->config;
	_cleanup_(arguments_done) struct arguments arguments = { .n = 0 };
	_cleanup_close_ int cache = -EBADF, fetched = -EBADF;
	uint32_t uid, gid;
	int r;

	job->records_fd = spawn_records_fd();
	if (job->records_fd < 0)
		return job->records_fd;
	worker_ids(job, &uid, &gid);
	if (config->symbol_cache && job->manager->options.cache_directory)
		cache = cache_open(job->manager->options.cache_directory,
		                   &(const struct cache_user){ uid, gid, job->manager->privileged ? job->crash->uid : uid },
		                   job->manager->privileged); /* goes without */
	if (config->debuginfod)
		fetched = fetch_folder(job->manager->fetch);

	add(&arguments, "%s", config->worker_path);
	if (job->manager->privileged) {
		add(&arguments, "--uid=%" PRIu32, uid);
		add(&arguments, "--gid=%" PRIu32, gid);
	}
	add_process(job, &arguments);
	add_config(config, &arguments);
	if (arguments.failed)
		return -ENOMEM;
	r = spawn_program(config->worker_path, arguments.v,
	                  (const int[]){ job->crash->core_fd, job->records_fd, cache, fetched }, 4, &job->pid);
	if (r < 0)
		return r;
	return watch(job);
}

static int start(struct job *job) {
	struct worker_end end = { .status = REPORT_WORKER_NONE, .message = job->crash->core_problem };
	_cleanup_free_ char *message = NULL;
	int r;

	if (job->crash->core_fd < 0)
		return finish(job, &end);
	r = start_worker(job);
	if (!job->manager->config->debuginfod) {
		closep(&job->crash->core_fd); /* the worker has its own */
		job->crash->core_fd = -EBADF;
	}
	if (r >= 0 || r == -ENOMEM)
		return r;
	log_error("the worker %s cannot be started: %s (see Path= in [Worker])", job->manager->config->worker_path,
	          strerror(-r));
	if (asprintf(&message, "the worker could not be started: %s", strerror(-r)) < 0)
		message = NULL;
	end.message = message;
	return finish(job, &end);
}

static int enter(struct job *job) {
	struct manager *manager = job->manager;

	job->started = time(NULL);
	job->previous = NULL;
	job->next = manager->jobs;
	if (job->next)
		job->next->previous = job;
	manager->jobs = job;
	manager->n_jobs++;
	/*
	 * From here on the manager owns the job, and through it the crash; an error ends the daemon, with the crash
	 * still in the queue.
	 */
	return start(job);
}

int job_restart(struct job *job) {
	job->crash->revision = 2;
	job->timed_out = false;
	/* Both workers' descriptors are one open file. */
	(void)lseek(job->crash->core_fd, 0, SEEK_SET);
	return enter(job);
}

int job_start(struct manager *manager, struct crash *crash, struct ticket *ticket) {
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	*job = (struct job){ .manager = manager, .crash = crash, .ticket = ticket, .records_fd = -EBADF };
	return enter(job);
}
