/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon as a whole: who holds what, and what happens to a journal entry from the moment it is read to the moment
 * it is finished. All runs in one thread on one event loop.
 */
#pragma once

#include <systemd/sd-event.h>

#include "daemon/admit.h"
#include "daemon/config.h"
#include "daemon/confirm.h"
#include "daemon/follower.h"
#include "daemon/queue.h"
#include "daemon/rate.h"
#include "daemon/state.h"
#include "daemon/suppress.h"
#include "daemon/triage.h"

struct fetch;
struct job;

/* From the command line; strings are borrowed for good. */
struct manager_options {
	const char *config_root;       /* "" */
	const char *state_directory;
	const char *cache_directory;
	const char *journal_directory; /* tests: the files of a folder instead of the local journal */
	const char *submit_file;       /* tests: a file in export format instead of journald */
};

struct manager {
	struct manager_options options;
	sd_event *event;
	struct config *config;
	struct state *state;
	struct progress *progress;
	struct triage_context *triage;
	struct follower *follower;
	struct fetch *fetch;           /* files for updates of reports */
	struct queue *queue;           /* crashes that wait for a worker */
	struct rate *rate;
	struct suppressor *suppressor; /* crashes that are not analysed */
	struct confirm *confirm;       /* reports that were sent */
	struct job *jobs;              /* running or being sent */
	unsigned n_jobs;
	bool privileged;  /* root: workers and reports go under the crash's owner */
	bool stopping;
	uint32_t service_uid, service_gid; /* the user "corewatch": workers for crashes of the system */
	bool has_coredump_uid;
	uint32_t coredump_uid;
	char *os_name;
	char *unit; /* that we run in, or NULL */
	sd_event_source *stop_timer, *save_timer, *next;
	bool save_failed;
	uint64_t n_reported;
	uint64_t complaints_since; /* CLOCK_MONOTONIC; the window for lines that any user can cause */
	unsigned n_complaints;
};

/* 0 or -errno: told in one line here. */
int manager_new(const struct manager_options *options, struct manager **ret_manager);
void manager_free(struct manager *manager);
DEFINE_CLEANUP(struct manager *, manager_free);

/* Runs until SIGTERM or SIGINT. 0 or -errno. */
int manager_run(struct manager *manager);

/* From job.c: the job is through; reported: its report was sent. Frees it. */
void manager_job_done(struct manager *manager, struct job *job, bool reported);
/* From job.c: analysed, but nobody wants the report. Frees the job. 0 or -errno. */
int manager_job_unwanted(struct manager *manager, struct job *job, enum suppress_reason reason);

/* Whether one more line about what any user can send is allowed; the rest of a minute's is counted. */
bool manager_may_complain(struct manager *manager);
