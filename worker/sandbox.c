/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order matters: groups before gid before uid (each step needs the privilege that the next gives up), no_new_privs before anything that could exec, limits last of all
 * so that nothing of ours trips over them. PR_SET_DUMPABLE comes after the change of uid, which resets it; with it a crash of the worker makes no core (RLIMIT_CORE=0 does not stop a
 * pipe in kernel.core_pattern), nobody can attach to it, and systemd-coredump is not fed with our own crash.
 */
#include "worker/sandbox.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
/* Sanitizers reserve terabytes of address space. */
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define LIMIT_ADDRESS_SPACE 0
#else
#define LIMIT_ADDRESS_SPACE 1
#endif

/* The three of the protocol, files of modules and their debug info (some 300 libraries in a browser), and the libraries' own. */
#define DESCRIPTORS_MAX 4096u

static int drop_user(const struct sandbox *s, const char **ret_what) {
	*ret_what = "setgroups";
	/* Without privileges there is no group to drop that the caller did not have. */
	if (setgroups(0, NULL) < 0 && geteuid() == 0)
		return -errno;
	*ret_what = "setresgid";
	if (setresgid(s->gid, s->gid, s->gid) < 0)
		return -errno;
	*ret_what = "setresuid";
	if (setresuid(s->uid, s->uid, s->uid) < 0)
		return -errno;
	/* Believe only what can be seen. */
	*ret_what = "giving up root";
	if (s->uid != 0 && (setuid(0) == 0 || geteuid() != s->uid || getuid() != s->uid))
		return -EPERM;
	return 0;
}

static int limit(int what, uint64_t value) {
	struct rlimit r;

	if (getrlimit((__rlimit_resource_t)what, &r) < 0)
		return -errno;
	value = MIN(value, (uint64_t)r.rlim_max);
	r = (struct rlimit){ value, value };
	return setrlimit((__rlimit_resource_t)what, &r) < 0 ? -errno : 0;
}

int sandbox_enter(const struct sandbox *s, const char **ret_what) {
	const struct { int what; uint64_t value; const char *name; } limits[] = {
		/* Records are capped at 32 MiB; inflated debug sections in the cache may be as large as all of it. */
		{ RLIMIT_FSIZE, MAX(MIB(64), s->file_max), "RLIMIT_FSIZE" },
		{ RLIMIT_CORE, 0, "RLIMIT_CORE" },
		{ RLIMIT_NOFILE, DESCRIPTORS_MAX, "RLIMIT_NOFILE" },
		{ RLIMIT_CPU, s->cpu_max, "RLIMIT_CPU" },
#if LIMIT_ADDRESS_SPACE
		{ RLIMIT_AS, s->memory_max, "RLIMIT_AS" },
#endif
	};
	int r;

	umask(077);
	if (s->change_user) {
		r = drop_user(s, ret_what);
		if (r < 0)
			return r;
	}
	*ret_what = "PR_SET_NO_NEW_PRIVS";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	*ret_what = "PR_SET_DUMPABLE";
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
		*ret_what = limits[i].name;
		r = limit(limits[i].what, limits[i].value);
		if (r < 0)
			return r;
	}
	return 0;
}
