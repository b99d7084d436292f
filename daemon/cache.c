/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cache.h. A folder is made by its owner, by way of the file system uid, and not given to him afterwards: the
 * service would need CAP_CHOWN for that, and whoever has it owns every file there is. The folder that all may write to is
 * inside one that is the daemon's alone, so nobody gets there but by a descriptor. The folder of fetched files stays the
 * daemon's, and is open to the fetcher's group.
 */
#include "daemon/cache.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#define SYMBOLS "symbols"

static int open_folder(int parent, const char *name, struct stat *ret_st) {
	_cleanup_close_ int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, ret_st) < 0)
		return -errno;
	return take_fd(fd);
}

/* The folder in which each user makes his own. */
static int open_symbols(int parent) {
	_cleanup_close_ int fd = -EBADF;
	struct stat st;

	if (mkdirat(parent, SYMBOLS, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open_folder(parent, SYMBOLS, &st);
	if (fd < 0)
		return fd;
	if (st.st_uid != geteuid())
		return -EPERM;
	if ((st.st_mode & 07777) != 01777 && fchmod(fd, 01777) < 0)
		return -errno;
	return take_fd(fd);
}

static int make_folder(int parent, const char *name, struct stat *ret_st) {
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	return open_folder(parent, name, ret_st);
}

int cache_open(const char *directory, uint32_t uid, uint32_t gid, bool privileged) {
	_cleanup_close_ int top = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), parent = -EBADF, fd = -EBADF;
	struct stat st;
	char name[16];

	if (top < 0)
		return -errno;
	parent = open_symbols(top);
	if (parent < 0)
		return parent;
	snprintf(name, sizeof(name), "%" PRIu32, uid);
	if (privileged) {
		setfsgid(gid);
		setfsuid(uid);
	}
	fd = make_folder(parent, name, &st); /* opened by him, too: the service has no DAC override */
	if (privileged) {
		setfsuid(geteuid());
		setfsgid(getegid());
	}
	if (fd < 0)
		return fd;
	return st.st_uid == uid ? take_fd(fd) : -EPERM;
}

/* At once as it shall be, without the daemon's umask: it has one thread, so nothing else is made meanwhile. */
static int make_shared(int parent, const char *name, uint32_t gid, bool privileged) {
	mode_t before = umask(0);
	int r;

	if (privileged)
		setfsgid(gid);
	r = mkdirat(parent, name, privileged ? 0771 : 0711) < 0 && errno != EEXIST ? -errno : 0;
	if (privileged)
		setfsgid(getegid());
	umask(before);
	return r;
}

int cache_open_shared(const char *directory, const char *name, uint32_t gid, bool privileged) {
	_cleanup_close_ int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -EBADF;
	struct stat st;
	int r;

	if (parent < 0)
		return -errno;
	r = make_shared(parent, name, gid, privileged);
	if (r < 0)
		return r;
	fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (privileged && st.st_gid != gid))
		return -EPERM;
	return take_fd(fd);
}
