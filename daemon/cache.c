/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cache.h. The parent folder is the daemon's alone, so nobody can exchange a folder for another between our
 * steps.
 */
#include "daemon/cache.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

/* Without the daemon's umask: one thread, so nothing else is made meanwhile. */
static int make(int parent, const char *name, mode_t mode) {
	mode_t before = umask(0);
	int r = mkdirat(parent, name, mode) < 0 && errno != EEXIST ? -errno : 0;

	umask(before);
	return r;
}

int cache_open_folder(const char *directory, const char *name, mode_t mode, uint32_t uid, uint32_t gid,
                      bool privileged) {
	_cleanup_close_ int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -EBADF;
	struct stat st;
	int r;

	if (parent < 0)
		return -errno;
	r = make(parent, name, mode);
	if (r < 0)
		return r;
	/* By path only: the service's root has no right to override permissions, and the folder is somebody else's. */
	fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != uid) {
		if (!privileged || st.st_uid != geteuid())
			return -EPERM;
		if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
			return -errno;
	}
	return take_fd(fd);
}

int cache_open(const char *directory, uint32_t uid, uint32_t gid, bool privileged) {
	char name[16];

	snprintf(name, sizeof(name), "%" PRIu32, uid);
	return cache_open_folder(directory, name, 0700, uid, gid, privileged);
}
