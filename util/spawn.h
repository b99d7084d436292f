/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting the worker and the fetcher: a few descriptors, an empty environment, default signals, nothing else inherited. */
#pragma once

#include <spawn.h>
#include <sys/types.h>

#include "util/macro.h"

/*
 * Starts path with argv (argv[0] included, NULL-terminated). core_fd, records_fd and cache_fd (or -EBADF) become fds 3, 4, 5 (util/protocol.h); 0 and 1 are /dev/null, 2 is
 * inherited; every other descriptor is closed; all signals are unblocked and default; the environment is empty. The worker gets its own session.
 * Descriptors stay the caller's. 0 or -errno (-ENOENT: no such program).
 */
int spawn_worker(const char *path, char *const argv[], int core_fd, int records_fd, int cache_fd, pid_t *ret_pid);

/*
 * The same for any of our programs: fds become 3, 4, …; -EBADF leaves that number closed, but the first must be there. At most SPAWN_FDS_MAX.
 */
#define SPAWN_FDS_MAX 6
int spawn_program(const char *path, char *const argv[], const int fds[], size_t n_fds, pid_t *ret_pid);

/* Sets in attributes (posix_spawnattr_init()) that a program starts with all signals unblocked and default; more_flags: POSIX_SPAWN_* of the caller's. 0 or -errno. */
int spawn_set_attributes(posix_spawnattr_t *attributes, short more_flags);

/* A sealed-size-free memfd for records: created close-on-exec, MFD_NOEXEC_SEAL where the kernel has it. fd or -errno. */
int spawn_records_fd(void);

/* Reads what a worker wrote to its records descriptor, at most RECORDS_MAX bytes; more is cut there (*ret_cut). Caller frees. 0 or -errno. */
int spawn_read_records(int fd, char **ret_data, size_t *ret_length, bool *ret_cut);
