/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the worker once, waits for it no longer than asked, and takes its records. Knows nothing of reports. */
#pragma once

#include "cli/progress.h"
#include "report/report.h"

struct worker_result {
	char *records; /* NUL-terminated; may be empty */
	size_t length;
	bool cut; /* there was more than RECORDS_MAX */
	enum report_worker_status status;
	int code; /* exit code or signal number */
};

/*
 * argv: without the program (argv[0] is filled in), NULL-terminated. core_fd stays the caller's. timeout in
 * microseconds, UINT64_MAX none. progress: shown meanwhile, or NULL. 0; -EINTR if the user interrupted it: the worker is gone, and the signal is on its way
 * to us; -ENOENT if there is no worker.
 */
int worker_run(char *argv[], int core_fd, uint64_t timeout, struct progress *progress, struct worker_result *ret);
void worker_result_done(struct worker_result *result);

/* The built-in path, or $COREWATCH_WORKER for runs out of a build tree (not when set-uid). */
const char *worker_path(void);
/* Likewise $COREWATCH_ANALYZERS_DIR. */
const char *worker_analyzers_dir(void);
