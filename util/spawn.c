/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See spawn.h. posix_spawn(3) rather than fork: the daemon may hold a large report, and glibc's spawn reports a
 * failed exec as an error of the call, not as a strange exit code. It drops no privileges: the worker does that
 * itself, in the one function where the order can be read.
 */
#include "util/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "util/io.h"
#include "util/protocol.h"

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3; glibc 2.36's header does not have it */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* Where descriptors are parked before they are dup'ed to 3, 4, …, so that none of them overwrites another. */
#define PARKING 10
_Static_assert(WORKER_FD_CORE + SPAWN_FDS_MAX <= PARKING, "parked descriptors must lie above their places");

static void actions_done(posix_spawn_file_actions_t *actions) {
	posix_spawn_file_actions_destroy(actions);
}

static void attributes_done(posix_spawnattr_t *attributes) {
	posix_spawnattr_destroy(attributes);
}

static int set_actions(posix_spawn_file_actions_t *actions, const int fds[], int n) {
	int r;

	r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	for (int i = 0; r == 0 && i < n; i++)
		r = fds[i] >= 0 ? posix_spawn_file_actions_adddup2(actions, fds[i], WORKER_FD_CORE + i) :
				  posix_spawn_file_actions_addclose(actions, WORKER_FD_CORE + i);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(actions, WORKER_FD_CORE + n);
	return -r;
}

int spawn_set_attributes(posix_spawnattr_t *attributes, short more_flags) {
	sigset_t all, none;
	int r;

	sigfillset(&all);
	sigemptyset(&none);
	r = posix_spawnattr_setflags(attributes, (short)(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | more_flags));
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attributes, &all);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	return -r;
}

struct parked {
	int fds[SPAWN_FDS_MAX];
	size_t n;
};

static void parked_done(struct parked *parked) {
	for (size_t i = 0; i < parked->n; i++)
		closep(&parked->fds[i]);
}

static int park(struct parked *parked, const int fds[], size_t n) {
	for (size_t i = 0; i < n; i++) {
		int fd = fds[i] >= 0 || i == 0 ? fcntl(fds[i], F_DUPFD_CLOEXEC, PARKING) : -EBADF;

		if (fd < 0 && (fds[i] >= 0 || i == 0))
			return -errno;
		parked->fds[parked->n++] = fd;
	}
	return 0;
}

int spawn_program(const char *path, char *const argv[], const int fds[], size_t n_fds, pid_t *ret_pid) {
	_cleanup_(actions_done) posix_spawn_file_actions_t actions;
	_cleanup_(attributes_done) posix_spawnattr_t attributes;
	_cleanup_(parked_done) struct parked parked = { .n = 0 };
	char *const environment[] = { NULL };
	pid_t pid;
	int r;

	if (n_fds > SPAWN_FDS_MAX)
		return -E2BIG;
	/* Neither can fail in glibc, and the guards need them initialised. */
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawnattr_init(&attributes);

	r = park(&parked, fds, n_fds);
	if (r < 0)
		return r;
	r = set_actions(&actions, parked.fds, (int)n_fds);
	if (r < 0)
		return r;
	r = spawn_set_attributes(&attributes, POSIX_SPAWN_SETSID);
	if (r < 0)
		return r;
	r = posix_spawn(&pid, path, &actions, &attributes, argv, environment);
	if (r != 0)
		return -r;
	*ret_pid = pid;
	return 0;
}

int spawn_worker(const char *path, char *const argv[], int core_fd, int records_fd, int cache_fd, pid_t *ret_pid) {
	return records_fd < 0 ? -EBADF : spawn_program(path, argv, (const int[]){ core_fd, records_fd, cache_fd }, 3, ret_pid);
}

int spawn_records_fd(void) {
	int fd = memfd_create("corewatch-records", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("corewatch-records", MFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int spawn_read_records(int fd, char **ret_data, size_t *ret_length, bool *ret_cut) {
	_cleanup_free_ char *data = NULL;
	struct stat st;
	size_t size;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	size = st.st_size > 0 ? (size_t)MIN((uint64_t)st.st_size, RECORDS_MAX) : 0;
	data = malloc(size + 1);
	if (!data)
		return -ENOMEM;
	n = pread_full(fd, data, size, 0);
	if (n < 0)
		return (int)n;
	data[n] = 0;
	*ret_data = take_ptr(data);
	*ret_length = (size_t)n;
	*ret_cut = (uint64_t)st.st_size > RECORDS_MAX;
	return 0;
}
