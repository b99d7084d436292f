/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One crash on its way: worker, report, journal. Lives from manager_take() to manager_job_done(), and longer where files are fetched for an update. */
#pragma once

#include <json-c/json.h>

#include "daemon/crash.h"
#include "daemon/manager.h"
#include "daemon/submit.h"

struct job {
	struct manager *manager;
	struct job *previous, *next;
	struct crash *crash;
	struct ticket *ticket;
	sd_event_source *child, *timer;
	pid_t pid; /* the worker's; 0: none running */
	int records_fd;
	bool timed_out;
	struct submit *submit;
	/* For an update: what the worker lacked (report_read_missing()), and how the crash was counted. */
	int64_t started; /* CLOCK_REALTIME, seconds */
	json_object *missing;
	char *fingerprint;
	uint64_t seen, first_seen;
};

/*
 * Takes crash over, whatever comes of it. Starts the worker, or makes the report at once where there is no core. A
 * worker that cannot be started is no error, its report says so. 0 or -errno.
 */
int job_start(struct manager *manager, struct crash *crash, struct ticket *ticket);
/*
 * Once more with more files at hand, for a job that manager_job_done() has taken from the list: an update of its report.
 * 0 or -errno.
 */
int job_restart(struct job *job);
void job_free(struct job *job);
DEFINE_CLEANUP(struct job *, job_free);
