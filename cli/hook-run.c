/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See hook-run.h. The input is a memfd, so that a command that does not read it, or late, blocks nobody. */
#include "cli/hook-run.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "util/io.h"
#include "util/spawn.h"

#define EXIT_DATA_ERROR 65 /* EX_DATAERR of sysexits.h */

static int input_of(const void *data, size_t length) {
	_cleanup_close_ int fd = memfd_create("corewatch-hook", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = write_full(fd, data, length);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return take_fd(fd);
}

/* Ours, without what the variables replace, and the variables. Caller frees the array only. */
static char **environment_with(char *const variables[]) {
	size_t n = 0, k = 0;
	char **all;

	for (char **v = environ; *v; v++)
		n++;
	for (char *const *v = variables; *v; v++)
		n++;
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		return NULL;
	for (char *const *v = variables; *v; v++)
		all[k++] = *v;
	for (char **e = environ; *e; e++) {
		bool replaced = false;

		for (char *const *v = variables; *v; v++)
			replaced = replaced || strncmp(*e, *v, (size_t)(strchrnul(*v, '=') - *v) + 1) == 0;
		if (!replaced)
			all[k++] = *e;
	}
	return all;
}

static int start(char *const argv[], char *const variables[], int input, pid_t *ret_pid) {
	_cleanup_free_ char **environment = environment_with(variables);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	if (!environment || posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	r = -posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (r >= 0)
		r = -posix_spawnattr_setpgroup(&attributes, 0);
	/* Ours are blocked while a command runs. */
	if (r >= 0)
		r = spawn_set_attributes(&attributes, POSIX_SPAWN_SETPGROUP);
	if (r >= 0)
		r = -posix_spawnp(ret_pid, argv[0], &actions, &attributes, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return r;
}

/* Until it ends; killed when the time is over. *ret_late says that. */
static int await(pid_t pid, uint64_t timeout, siginfo_t *ret_info, bool *ret_late) {
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd event = { .fd = pidfd, .events = POLLIN };
	uint64_t ms = timeout / 1000 + 1;
	int n;

	do
		n = pidfd < 0 ? 0 : poll(&event, 1, timeout == UINT64_MAX ? -1 : (int)MIN(ms, (uint64_t)INT32_MAX));
	while (n < 0 && errno == EINTR);
	*ret_late = n <= 0;
	if (n <= 0)
		/* Not reaped yet, so the number is still its. What it started goes too. */
		kill(-pid, SIGKILL);
	while (waitid(P_PID, (id_t)pid, ret_info, WEXITED) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int hook_run(char *const argv[], char *const variables[], const void *data, size_t length, uint64_t timeout,
             enum hook_result *ret_result, char **ret_how) {
	_cleanup_close_ int input = input_of(data, length);
	siginfo_t info = {};
	bool late = false, exited;
	char *how;
	pid_t pid;
	int r;

	r = input < 0 ? input : start(argv, variables, input, &pid);
	if (r >= 0)
		r = await(pid, timeout, &info, &late);
	if (r < 0)
		return r;
	exited = info.si_code == CLD_EXITED;
	how = late ? strdup("was killed, as it took too long") : NULL;
	if (late ? !how : asprintf(&how, "%s %d", exited ? "ended with" : "died of signal", info.si_status) < 0)
		return -ENOMEM;
	*ret_how = how;
	*ret_result = exited && info.si_status == 0                 ? HOOK_DONE
	              : exited && info.si_status == EXIT_DATA_ERROR ? HOOK_REFUSED
	                                                            : HOOK_FAILED;
	return 0;
}
