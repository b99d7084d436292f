/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cache.h. The parent folder is the daemon's alone, so nobody can exchange a folder for another between our
 * steps.
 */
#include "daemon/cache.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

int cache_open(const char *directory, uint32_t uid, uint32_t gid, bool privileged) {
	_cleanup_close_ int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -EBADF;
	struct stat st;
	char name[16];

	if (parent < 0)
		return -errno;
	snprintf(name, sizeof(name), "%" PRIu32, uid);
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != uid) {
		if (!privileged || st.st_uid != geteuid())
			return -EPERM;
		if (fchown(fd, uid, gid) < 0)
			return -errno;
	}
	return take_fd(fd);
}
