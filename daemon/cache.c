/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cache.h. A folder is made by its owner, by way of the file system uid, and not given to him afterwards: the
 * service would need CAP_CHOWN for that, and whoever has it owns every file there is. The folder that all may write to is
 * inside one that is the daemon's alone, so nobody gets there but by a descriptor. It is emptied by its owner, too, when
 * there are too many. The folder of fetched files stays the daemon's, and is open to the fetcher's group.
 */
#include "daemon/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#define SYMBOLS "symbols"
#define NAME_SIZE 24 /* two numbers of 32 bits */
/* Files that go at a time: a worker that was taken over may have made a million, and the watchdog waits. */
#define REMOVED_MAX 8192u

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

static void act_as(uint32_t uid, uint32_t gid, bool privileged) {
	if (!privileged)
		return;
	setfsgid(gid);
	setfsuid(uid);
}

/* Of a user's folders, which hold files only. */
static void remove_folder(int parent, const char *name, const struct stat *st, bool privileged) {
	DIR *folder = NULL;
	struct dirent *d;
	struct stat now;
	unsigned n = 0;
	int fd;

	act_as(st->st_uid, st->st_gid, privileged);
	fd = open_folder(parent, name, &now);
	if (fd >= 0)
		folder = fdopendir(fd);
	if (!folder)
		closep(&fd);
	while (folder && n < REMOVED_MAX && (d = readdir(folder)))
		n += unlinkat(dirfd(folder), d->d_name, 0) >= 0;
	if (folder)
		closedir(folder);
	act_as(geteuid(), getegid(), privileged);
	(void)unlinkat(parent, name, AT_REMOVEDIR);
}

struct oldest {
	char name[NAME_SIZE];
	struct stat st;
};

static bool is_folder(int parent, const struct dirent *d, struct stat *ret_st) {
	return *d->d_name != '.' && strlen(d->d_name) < NAME_SIZE &&
	       fstatat(parent, d->d_name, ret_st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(ret_st->st_mode);
}

/* Number of users' folders; the one that was opened longest ago. */
static unsigned count_folders(int parent, struct oldest *ret_oldest) {
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *d;
	unsigned n = 0;
	struct stat st;

	if (!folder)
		closep(&fd);
	while (folder && (d = readdir(folder))) {
		if (!is_folder(parent, d, &st))
			continue;
		if (n++ == 0 || st.st_mtim.tv_sec < ret_oldest->st.st_mtim.tv_sec ||
		    (st.st_mtim.tv_sec == ret_oldest->st.st_mtim.tv_sec &&
		     st.st_mtim.tv_nsec < ret_oldest->st.st_mtim.tv_nsec)) {
			ret_oldest->st = st;
			memcpy(ret_oldest->name, d->d_name, strlen(d->d_name) + 1);
		}
	}
	if (folder)
		closedir(folder);
	return n;
}

/* 0: there is room for the folder of that name, or it is there; -EDQUOT. */
static int make_room(int parent, const char *name, bool privileged) {
	struct oldest oldest;
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || count_folders(parent, &oldest) < CACHE_FOLDERS_MAX)
		return 0;
	remove_folder(parent, oldest.name, &oldest.st, privileged);
	return count_folders(parent, &oldest) < CACHE_FOLDERS_MAX ? 0 : -EDQUOT;
}

static int make_folder(int parent, const char *name, struct stat *ret_st) {
	_cleanup_close_ int fd = -EBADF;

	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open_folder(parent, name, ret_st);
	if (fd >= 0)
		(void)futimens(fd, NULL);
	return take_fd(fd);
}

int cache_open(const char *directory, const struct cache_user *user, bool privileged) {
	_cleanup_close_ int top = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), parent = -EBADF, fd = -EBADF;
	char name[NAME_SIZE];
	struct stat st;
	int r;

	if (top < 0)
		return -errno;
	parent = open_symbols(top);
	if (parent < 0)
		return parent;
	if (user->owner == user->uid)
		snprintf(name, sizeof(name), "%" PRIu32, user->uid);
	else
		snprintf(name, sizeof(name), "%" PRIu32 "-%" PRIu32, user->uid, user->owner);
	r = make_room(parent, name, privileged);
	if (r < 0)
		return r;
	act_as(user->uid, user->gid, privileged);
	fd = make_folder(parent, name, &st); /* opened by him, too: the service has no DAC override */
	act_as(geteuid(), getegid(), privileged);
	if (fd < 0)
		return fd;
	return st.st_uid == user->uid ? take_fd(fd) : -EPERM;
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
