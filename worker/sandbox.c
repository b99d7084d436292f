/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of closing in; see the table at the end. Each step needs something that a later one takes away.
 *
 * The limits and the user are what holds on any kernel; Landlock (Linux 5.13) and seccomp (3.17) may be missing, which
 * is told in the report. Memory that is really used is limited by the cgroup of corewatch.service (MemoryMax=), for
 * RLIMIT_AS counts what is mapped as well, and debug information is mapped by the gigabyte.
 */
#include "worker/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "util/io.h"
#include "util/protocol.h"
#include "worker/sandbox-private.h"

/*
 * The three of the protocol, files of modules and their debug info (some 300 libraries in a browser), and the
 * libraries' own.
 */
#define DESCRIPTORS_MAX 4096u

void sandbox_warn(struct sandbox_outcome *outcome, const char *text) {
	if (outcome->n_warnings < SANDBOX_WARNINGS_MAX)
		outcome->warnings[outcome->n_warnings++] = text;
}

/* When memory runs out, it is the worker that goes, not the daemon beside it. A wish: it may be forbidden here. */
static int offer_to_oom(const struct sandbox *s _unused_, struct sandbox_outcome *outcome _unused_) {
	_cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)write_full(fd, "1000", strlen("1000"));
	return 0;
}

/*
 * Standard error is a terminal (corewatchctl) or the log (the daemon, without rate limit): neither is for what a core
 * may make a worker say.
 */
static int close_descriptors(const struct sandbox *s, struct sandbox_outcome *outcome _unused_) {
	unsigned first = s->has_fetched ? WORKER_FD_FETCHED + 1 : s->has_cache ? WORKER_FD_CACHE + 1 : WORKER_FD_CACHE;

	if (s->has_fetched && !s->has_cache)
		(void)close(WORKER_FD_CACHE); /* below the first, and nothing that was meant for us */
	if (syscall(SYS_close_range, first, ~0u, 0) < 0) {
		if (errno != ENOSYS) /* before Linux 5.9; whoever started the worker has closed them, too */
			return -errno;
		for (int fd = (int)first; fd < (int)DESCRIPTORS_MAX; fd++)
			(void)close(fd);
	}
	if (!SANITIZED) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (null < 0)
			return -errno;
		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			if (dup2(null, fd) < 0)
				return -errno;
		close(null);
	}
	return 0;
}

static int leave_session(const struct sandbox *s _unused_, struct sandbox_outcome *outcome _unused_) {
	umask(077);
	/* EPERM: it leads one already. */
	return setsid() < 0 && errno != EPERM ? -errno : 0;
}

static int drop_user(const struct sandbox *s, struct sandbox_outcome *outcome _unused_) {
	if (!s->change_user)
		return 0;
	/* Without privileges there is no group to drop that the caller did not have. */
	if (setgroups(0, NULL) < 0 && geteuid() == 0)
		return -errno;
	if (setresgid(s->gid, s->gid, s->gid) < 0 || setresuid(s->uid, s->uid, s->uid) < 0)
		return -errno;
	/* Believe only what can be seen. */
	if (s->uid != 0 && (setuid(0) == 0 || geteuid() != s->uid || getuid() != s->uid))
		return -EPERM;
	return 0;
}

/* Also where the user stays root: `corewatchctl analyze` run by root. The ambient set goes with the others. */
static int drop_capabilities(const struct sandbox *s _unused_, struct sandbox_outcome *outcome _unused_) {
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

static int forbid_privileges(const struct sandbox *s _unused_, struct sandbox_outcome *outcome _unused_) {
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/*
 * Not dumpable: a crash of the worker makes no core (RLIMIT_CORE=0 does not stop a pipe in kernel.core_pattern), so
 * systemd-coredump is not fed with our own crash, and nobody of the same uid can attach to it. And it does not outlive
 * the one who started it.
 */
static int hide(const struct sandbox *s _unused_, struct sandbox_outcome *outcome _unused_) {
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0;
}

static int clear_environment(const struct sandbox *s _unused_, struct sandbox_outcome *outcome _unused_) {
	return clearenv() != 0 ? -ENOMEM : 0;
}

static int set_limits(const struct sandbox *s, struct sandbox_outcome *outcome _unused_) {
	const struct { int what; uint64_t value; } limits[] = {
		/* Records are capped at 32 MiB; inflated debug sections in the cache may be as large as all of it. */
		{ RLIMIT_FSIZE, MAX(MIB(64), s->file_max) },
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, DESCRIPTORS_MAX },
		{ RLIMIT_CPU, s->cpu_max },
		{ RLIMIT_MEMLOCK, 0 },
		{ RLIMIT_MSGQUEUE, 0 },
#if !SANITIZED
		{ RLIMIT_NPROC, 0 },
		{ RLIMIT_AS, s->memory_max },
#endif
	};

	for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
		struct rlimit r;

		if (getrlimit((__rlimit_resource_t)limits[i].what, &r) < 0)
			return -errno;
		r.rlim_cur = r.rlim_max = (rlim_t)MIN(limits[i].value, (uint64_t)r.rlim_max);
		if (setrlimit((__rlimit_resource_t)limits[i].what, &r) < 0)
			return -errno;
	}
	return 0;
}

int sandbox_enter(const struct sandbox *sandbox, struct sandbox_outcome *ret) {
	static const struct { const char *name; sandbox_step *apply; } steps[] = {
		{ "the OOM score", offer_to_oom },        /* in /proc/self, which is root's from "hide" on */
		{ "descriptors", close_descriptors },
		{ "the session", leave_session },
		{ "the user", drop_user },                /* groups, gid, uid: each with the rights of the next */
		{ "capabilities", drop_capabilities },
		{ "no_new_privs", forbid_privileges },    /* Landlock and seccomp want it of those without privileges */
		{ "dumping", hide },                      /* a change of the uid would undo it */
		{ "the environment", clear_environment },
		{ "limits", set_limits },
		{ "files (Landlock)", sandbox_files },    /* opens "/", and seccomp allows none of its calls */
		{ "system calls (seccomp)", sandbox_calls },
	};

	*ret = (struct sandbox_outcome){ .failed = NULL };
	for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
		int r = steps[i].apply(sandbox, ret);

		if (r < 0) {
			ret->failed = steps[i].name;
			return r;
		}
	}
	return 0;
}
