/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See worker.h. The worker has a session of its own, so the terminal's Ctrl-C does not reach it: signals are read from
 * a signalfd here, and the worker is killed with all of its session.
 */
#include "cli/worker.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "util/clock.h"
#include "util/spawn.h"

#ifndef WORKER_PATH
#define WORKER_PATH "/usr/libexec/corewatch/corewatch-worker"
#endif
#ifndef ANALYZERS_DIR
#define ANALYZERS_DIR "/usr/lib/corewatch/analyzers"
#endif

const char *worker_path(void) {
	const char *path = secure_getenv("COREWATCH_WORKER");

	return path && *path ? path : WORKER_PATH;
}

const char *worker_analyzers_dir(void) {
	const char *path = secure_getenv("COREWATCH_ANALYZERS_DIR");

	return path && *path ? path : ANALYZERS_DIR;
}

/* Milliseconds for poll(2), rounded up so that it does not wake too early and spin. */
static int until(uint64_t deadline) {
	uint64_t now = clock_usec(CLOCK_MONOTONIC), ms;

	if (deadline == UINT64_MAX)
		return -1;
	if (now >= deadline)
		return 0;
	ms = (deadline - now + 999) / 1000;
	return (int)MIN(ms, (uint64_t)INT32_MAX);
}

static void block_signals(sigset_t *set, sigset_t *ret_before) {
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigprocmask(SIG_BLOCK, set, ret_before);
}

enum waited { WAITED_EXIT, WAITED_TIMEOUT, WAITED_SIGNAL };

/* 0 with *ret, or -errno. */
static int wait_for(int pidfd, int signals, uint64_t deadline, struct progress *progress, enum waited *ret) {
	for (;;) {
		struct pollfd fds[] = { { .fd = pidfd, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
		uint64_t now = clock_usec(CLOCK_MONOTONIC), next;
		int n;

		if (!progress || !add_u64(now, progress_tick(progress, now), &next))
			next = UINT64_MAX;
		n = poll(fds, ELEMENTSOF(fds), until(MIN(deadline, next)));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0 && until(deadline) != 0)
			continue;
		*ret = fds[0].revents ? WAITED_EXIT : n == 0 ? WAITED_TIMEOUT : WAITED_SIGNAL;
		return 0;
	}
}

static int reap(pid_t pid, struct worker_result *result) {
	siginfo_t info = {};

	while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0)
		if (errno != EINTR)
			return -errno;
	result->status = info.si_code == CLD_EXITED ? REPORT_WORKER_EXITED : REPORT_WORKER_SIGNALED;
	result->code = info.si_status;
	return 0;
}

/* Waits for the started worker, and ends it if it has to. */
static int supervise(pid_t pid, int signals, uint64_t timeout, struct progress *progress,
                     struct worker_result *result) {
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	enum waited waited = WAITED_SIGNAL;
	uint64_t deadline;
	int r;

	if (!add_u64(clock_usec(CLOCK_MONOTONIC), timeout, &deadline))
		deadline = UINT64_MAX;
	r = pidfd < 0 ? -errno : wait_for(pidfd, signals, deadline, progress, &waited);
	if (progress)
		progress_end(progress);
	if (r < 0 || waited != WAITED_EXIT)
		/* Our own child, not yet waited for: the number is still its. It leads a session, so what it may have
		 * started goes too. */
		kill(-pid, SIGKILL);
	if (reap(pid, result) < 0 && r >= 0)
		r = -errno;
	if (r < 0)
		return r;
	/* It may have come to its end in the same moment; then that counts. */
	if (waited == WAITED_TIMEOUT && result->status == REPORT_WORKER_SIGNALED && result->code == SIGKILL)
		result->status = REPORT_WORKER_TIMEOUT;
	return waited == WAITED_SIGNAL ? -EINTR : 0;
}

static int run(char *argv[], int core_fd, int records_fd, int signals, uint64_t timeout, struct progress *progress,
               struct worker_result *result) {
	pid_t pid;
	int r;

	r = spawn_worker(argv[0], argv, core_fd, records_fd, -EBADF, &pid);
	if (r < 0)
		return r;
	r = supervise(pid, signals, timeout, progress, result);
	if (r < 0)
		return r;
	return spawn_read_records(records_fd, &result->records, &result->length, &result->cut);
}

int worker_run(char *argv[], int core_fd, uint64_t timeout, struct progress *progress, struct worker_result *ret) {
	_cleanup_close_ int records_fd = -EBADF, signals = -EBADF;
	struct worker_result result = {};
	sigset_t set, before;
	int r;

	argv[0] = (char *)worker_path();
	records_fd = spawn_records_fd();
	if (records_fd < 0)
		return records_fd;
	block_signals(&set, &before);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	r = signals < 0 ? -errno : run(argv, core_fd, records_fd, signals, timeout, progress, &result);
	/* A signal that came is still pending: it is delivered here, and ends us if it is meant to. */
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (r < 0) {
		worker_result_done(&result);
		return r;
	}
	*ret = result;
	return 0;
}

void worker_result_done(struct worker_result *result) {
	free(result->records);
	*result = (struct worker_result){};
}
