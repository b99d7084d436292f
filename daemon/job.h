/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One crash on its way: worker, report, journal. Lives from manager_take() to manager_job_done(). */
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
};

/*
 * Takes crash over, whatever comes of it. Starts the worker, or makes the report at once where there is no core. A
 * worker that cannot be started is no error, its report says so. 0 or -errno.
 */
int job_start(struct manager *manager, struct crash *crash, struct ticket *ticket);
void job_free(struct job *job);
DEFINE_CLEANUP(struct job *, job_free);
