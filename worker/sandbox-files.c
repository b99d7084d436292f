/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Landlock: files can be read, and nothing else, but in the cache folder. Interface: the kernel's
 * Documentation/userspace-api/landlock.rst. The header of Debian 12 ends with the second version, hence the numbers.
 *
 * What it does not do: descriptors that are open stay as they are; metadata (mode, owner, times, attributes) is not its
 * business, nor is truncation before the third version: sandbox-calls.c forbids the calls. It also keeps us from looking
 * into other processes of the same user, as they are outside of the domain.
 */
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>

#include "util/protocol.h"
#include "worker/sandbox-private.h"

/* Since version 3, Linux 6.2; 5, 6.10. */
#define ACCESS_TRUNCATE (UINT64_C(1) << 14)
#define ACCESS_IOCTL_DEV (UINT64_C(1) << 15)
/* bind and connect by TCP, version 4, Linux 6.7; abstract sockets and signals, version 6, Linux 6.12. */
#define NET_TCP UINT64_C(3)
#define SCOPES UINT64_C(3)

#define ACCESS_READ ((uint64_t)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR))
/* Making a file, writing it, renaming it within the folder, removing it. */
#define ACCESS_CACHE                                                                                          \
	(ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE)

struct ruleset {
	uint64_t fs, net, scoped;
};

/* All that this version of the interface can forbid. */
static struct ruleset everything(long version) {
	struct ruleset all = { .fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 };

	if (version >= 2)
		all.fs |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		all.fs |= ACCESS_TRUNCATE;
	if (version >= 4)
		all.net = NET_TCP;
	if (version >= 5)
		all.fs |= ACCESS_IOCTL_DEV;
	if (version >= 6)
		all.scoped = SCOPES;
	return all;
}

static int allow(int ruleset, int folder, uint64_t access) {
	const struct landlock_path_beneath_attr beneath = { .allowed_access = access, .parent_fd = folder };

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0 ? -errno : 0;
}

int sandbox_files(const struct sandbox *sandbox, struct sandbox_outcome *outcome) {
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	_cleanup_close_ int ruleset = -EBADF, root = -EBADF;
	struct ruleset all;
	int r;

	/* Not built, not booted with, or forbidden by a container's own filter. */
	if (version < 1) {
		sandbox_warn(outcome, "this kernel has no Landlock: that the analysis only read files was left to their "
		                      "permissions and to seccomp");
		return 0;
	}
	all = everything(version);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (ruleset < 0)
		return -errno;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	r = allow(ruleset, root, ACCESS_READ);
	if (r >= 0 && sandbox->has_cache)
		r = allow(ruleset, WORKER_FD_CACHE, ACCESS_CACHE);
	if (r < 0)
		return r;
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}
