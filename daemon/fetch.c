/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See fetch.h. The steps of one job: wait in the queue; be asked for, until the fetcher closes the connection or its time
 * is over; wait for a free worker; be started again. One fetcher and at most one waiting update at a time, so that
 * fetching takes no more than a part of what is there for new crashes.
 *
 * Which files came is seen in the folder: nothing that a fetcher says is read.
 */
#include "daemon/fetch.h"

#include <inttypes.h>
#include <pwd.h>
#include <sys/socket.h>

#include "daemon/cache.h"
#include "daemon/job.h"
#include "report/json.h"
#include "util/fetched.h"
#include "util/log.h"

/* Beside the folders of users, whose names are numbers. Others may open what they know the name of, and not list it. */
#define FOLDER "debuginfod"
#define FOLDER_MODE 0711
/* Each holds its core open. A storm of one program is served by the first: the others find its files. */
#define QUEUE_MAX 16
/* For what the fetcher does beside downloading; it has its own clock, this is for one that hangs. */
#define GRACE_USEC (30 * USEC_PER_SEC)

struct fetch {
	struct manager *manager;
	struct fetch_user user;
	struct job *first, *last; /* waiting */
	unsigned n_waiting;
	struct job *current; /* being asked for, or (no fetcher) ready to be started */
	struct fetcher fetcher;
	sd_event_source *step, *answer, *timer;
	bool told;
};

static void look_up_user(struct fetch *fetch) {
	const struct passwd *user = getpwnam("corewatch-fetch");

	if (!fetch->manager->privileged)
		fetch->user = (struct fetch_user){ .uid = geteuid(), .gid = getegid(), .known = true };
	else if (user)
		fetch->user = (struct fetch_user){ .uid = user->pw_uid, .gid = user->pw_gid, .known = true };
}

static void complain(struct fetch *fetch, const char *what, int error) {
	if (!fetch->told)
		log_warning("debug information cannot be fetched: %s (%s), going without; see Debuginfod= in corewatch.conf(5)",
		            what, strerror(-error));
	fetch->told = true;
}

int fetch_folder(struct fetch *fetch) {
	int fd;

	/* Never a folder of the user whose workers look at crashes: they could write there. */
	if (!fetch->user.known) {
		complain(fetch, "there is no user corewatch-fetch, run systemd-sysusers", -ENXIO);
		return -ENXIO;
	}
	fd = cache_open_folder(fetch->manager->options.cache_directory, FOLDER, FOLDER_MODE, fetch->user.uid,
	                       fetch->user.gid, fetch->manager->privileged);
	if (fd < 0)
		complain(fetch, "its folder " FOLDER " in the cache directory cannot be used", fd);
	return fd;
}

/* ── what is wanted ── */

struct wanted {
	enum fetched_kind kind;
	const char *id;
};

/* The i-th of what a worker lacked; false for what it should not have said. */
static bool get_wanted(const struct job *job, size_t i, struct wanted *ret) {
	json_object *item = json_object_array_get_idx(job->missing, i);
	const char *kind = json_get_string(item, "kind"), *id = json_get_string(item, "build_id");

	if (!kind || !id || fetched_kind_from(kind, &ret->kind) < 0 || !fetched_is_id(id))
		return false;
	ret->id = id;
	return true;
}

static size_t count_wanted(const struct job *job) {
	return job->missing ? json_object_array_length(job->missing) : 0;
}

/* What was there before the worker looked, it could not use. */
static bool any_is_new(const struct job *job, int folder) {
	struct wanted w;

	for (size_t i = 0; i < count_wanted(job); i++)
		if (get_wanted(job, i, &w) && fetched_is_there(folder, w.kind, w.id, job->started))
			return true;
	return false;
}

static bool is_to_be_asked(const struct config *config, int folder, const struct wanted *w) {
	return !fetched_is_there(folder, w->kind, w->id, 0) &&
	       !fetched_is_absent(folder, w->kind, w->id, config->debuginfod_retry_usec / USEC_PER_SEC);
}

/* Whether asking, or looking once more at what others had fetched, can give anything. */
static bool is_worth_it(struct fetch *fetch, const struct job *job) {
	_cleanup_close_ int folder = fetch_folder(fetch);
	struct wanted w;

	if (folder < 0)
		return false;
	if (any_is_new(job, folder))
		return true;
	for (size_t i = 0; i < count_wanted(job); i++)
		if (get_wanted(job, i, &w) && is_to_be_asked(fetch->manager->config, folder, &w))
			return true;
	return false;
}

static void write_urls(FILE *out, const struct config *config) {
	fputs("urls", out);
	for (char **p = config->debuginfod_urls; p && *p; p++)
		fprintf(out, " %s", *p);
	if (!config->debuginfod_urls || !*config->debuginfod_urls)
		fputs(" " CONFIG_DEBUGINFOD_URL, out);
	fputc('\n', out);
}

/* *ret_text is NULL if there is nothing to ask for. 0, -ENOMEM, -E2BIG. */
static int make_request(const struct fetch *fetch, int folder, char **ret_text) {
	const struct config *config = fetch->manager->config;
	_cleanup_free_ char *text = NULL;
	size_t length, n = 0;
	struct wanted w;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return -ENOMEM;
	fputs(REQUEST_MAGIC "\n", out);
	write_urls(out, config);
	fprintf(out, "time-max %" PRIu64 "\nfile-max %" PRIu64 "\ncache-max %" PRIu64 "\nabsent-for %" PRIu64 "\n",
	        config->debuginfod_time_usec / USEC_PER_SEC, config->debuginfod_file_max, config->debuginfod_cache_max,
	        config->debuginfod_retry_usec / USEC_PER_SEC);
	for (size_t i = 0; i < count_wanted(fetch->current); i++)
		if (get_wanted(fetch->current, i, &w) && is_to_be_asked(config, folder, &w)) {
			fprintf(out, "want %s %s\n", fetched_kind_name(w.kind), w.id);
			n++;
		}
	if (fclose(out) != 0)
		return -ENOMEM;
	if (length > REQUEST_BYTES_MAX)
		return -E2BIG;
	*ret_text = n > 0 ? take_ptr(text) : NULL;
	return 0;
}

/* ── steps ── */

static void stop_fetcher(struct fetch *fetch) {
	fetch->answer = sd_event_source_disable_unref(fetch->answer);
	fetch->timer = sd_event_source_disable_unref(fetch->timer);
	fetcher_stop(&fetch->fetcher);
}

/* All was tried. Without anything new the first report is as good as it gets. */
static void asked(struct fetch *fetch) {
	_cleanup_close_ int folder = fetch_folder(fetch);

	stop_fetcher(fetch);
	if (folder < 0 || !any_is_new(fetch->current, folder)) {
		log_debug("nothing was fetched for crash %s", fetch->current->crash->id);
		job_free(take_ptr(fetch->current));
	}
	fetch_resume(fetch);
}

static int on_answer(sd_event_source *source _unused_, int fd, uint32_t events _unused_, void *userdata) {
	char ignored[256];
	ssize_t n = recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		asked(userdata);
	return 0;
}

static int on_timeout(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
	log_notice("the fetcher of debug information does not come to an end, going on without it");
	asked(userdata);
	return 0;
}

/* 1: it is being asked for; 0: there is nothing to ask for; or -errno. */
static int ask(struct fetch *fetch) {
	_cleanup_close_ int folder = fetch_folder(fetch);
	const struct manager *m = fetch->manager;
	_cleanup_free_ char *request = NULL;
	int r;

	if (folder < 0)
		return folder;
	r = make_request(fetch, folder, &request);
	if (r < 0 || !request)
		return r;
	r = fetcher_start(m, &fetch->user, request, folder, &fetch->fetcher);
	if (r < 0)
		return r;
	r = sd_event_add_io(m->event, &fetch->answer, fetch->fetcher.connection, EPOLLIN, on_answer, fetch);
	if (r >= 0)
		r = sd_event_add_time_relative(m->event, &fetch->timer, CLOCK_MONOTONIC,
		                               m->config->debuginfod_time_usec + GRACE_USEC, 0, on_timeout, fetch);
	if (r < 0) {
		stop_fetcher(fetch);
		return r;
	}
	log_debug("asking for debug information of crash %s", fetch->current->crash->id);
	return 1;
}

static void begin_next(struct fetch *fetch) {
	struct job *job = fetch->first;
	int r;

	fetch->first = job->next;
	if (!fetch->first)
		fetch->last = NULL;
	fetch->n_waiting--;
	job->next = NULL;
	fetch->current = job;
	r = ask(fetch);
	if (r > 0)
		return;
	if (r < 0)
		complain(fetch, "the fetcher cannot be started", r);
	asked(fetch);
}

static int on_step(sd_event_source *source _unused_, void *userdata) {
	struct fetch *fetch = userdata;
	struct manager *m = fetch->manager;
	struct job *job = fetch->current;

	if (m->stopping)
		return 0;
	if (!job && fetch->first)
		begin_next(fetch);
	else if (job && fetch->fetcher.connection < 0 && m->n_jobs < m->config->max_workers) {
		fetch->current = NULL;
		log_debug("analysing crash %s again with what was fetched", job->crash->id);
		if (job_restart(job) < 0)
			manager_job_done(m, job, false);
		fetch_resume(fetch);
	}
	return 0;
}

void fetch_resume(struct fetch *fetch) {
	(void)sd_event_source_set_enabled(fetch->step, SD_EVENT_ONESHOT);
}

bool fetch_take(struct fetch *fetch, struct job *job) {
	const struct manager *m = fetch->manager;

	if (!m->config->debuginfod || m->stopping || job->crash->revision > 0 || job->crash->core_fd < 0 ||
	    count_wanted(job) == 0 || !is_worth_it(fetch, job))
		return false;
	if (fetch->n_waiting >= QUEUE_MAX) {
		log_debug("too many crashes wait for debug information, going without for %s", job->crash->id);
		return false;
	}
	submit_free(take_ptr(job->submit));
	job->ticket = NULL; /* the caller's */
	job->previous = job->next = NULL;
	*(fetch->last ? &fetch->last->next : &fetch->first) = job;
	fetch->last = job;
	fetch->n_waiting++;
	return true;
}

/* ── beginning and end ── */

int fetch_new(struct manager *manager, struct fetch **ret_fetch) {
	_cleanup_(fetch_freep) struct fetch *fetch = calloc(1, sizeof(*fetch));
	int r;

	if (!fetch)
		return -ENOMEM;
	fetch->manager = manager;
	fetch->fetcher.connection = -EBADF;
	look_up_user(fetch);
	r = sd_event_add_defer(manager->event, &fetch->step, on_step, fetch);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(fetch->step, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret_fetch = take_ptr(fetch);
	return 0;
}

void fetch_free(struct fetch *fetch) {
	if (!fetch)
		return;
	stop_fetcher(fetch);
	sd_event_source_disable_unref(fetch->step);
	while (fetch->first) {
		struct job *job = fetch->first;

		fetch->first = job->next;
		job_free(job);
	}
	job_free(fetch->current);
	free(fetch);
}
