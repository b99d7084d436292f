/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See corefile.h. Any local user can write a journal entry that names /etc/shadow as his core. The proof: only root
 * can create files in the folder, the owner's ACL entry is read-only, so the extended attributes (systemd's
 * coredump.c) are systemd-coredump's own words. The checks are made on the descriptor that the worker gets, so a file
 * that is exchanged meanwhile gains nothing; O_NONBLOCK keeps a FIFO from stopping us.
 */
#include "daemon/corefile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "daemon/procinfo.h"

/* Named users in an ACL: systemd-coredump makes one, tmpfiles.d may add some. */
#define ACL_MAX_BYTES 1024
/* A name that fits into an attribute on every file system, beside all the others. */
#define NAME_FITS 256

static int forged(const char *reason, const char **ret_reason) {
	*ret_reason = reason;
	return -EBADMSG;
}

static int without_core(struct crash *crash, enum core_state state, const char *problem) {
	char *copy = NULL;

	if (problem) {
		copy = strdup(problem);
		if (!copy)
			return -ENOMEM;
	}
	free(crash->core_problem);
	crash->core_problem = copy;
	crash->core_state = state;
	return 0;
}

/* The file's name within the folder, or NULL if the path points anywhere else. */
static const char *core_basename(const struct corefile_policy *policy, const char *path) {
	size_t n = strlen(policy->directory);
	const char *name;

	if (strncmp(path, policy->directory, n) != 0 || path[n] != '/')
		return NULL;
	name = path + n + 1;
	return str_has_prefix(name, "core.") && !strchr(name, '/') ? name : NULL;
}

static bool trusted(const struct corefile_policy *policy, const struct stat *st) {
	return (st->st_uid == 0 || st->st_uid == policy->owner) && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/*
 * 0: equal; -EBADMSG: not; -ENOTSUP: the file system has no such attributes. The names are compared where nobody vouches
 * for the sender: the owner of a crash could tell the administrator of another program. A long one may be missing, as
 * systemd-coredump does not mind when a path does not fit into an attribute.
 */
static int check_attributes(int fd, const struct crash *crash) {
	static const struct {
		const char *attribute;
		enum field_id field;
		bool is_name;
	} pairs[] = {
		{ "user.coredump.uid", FIELD_COREDUMP_UID, false },
		{ "user.coredump.gid", FIELD_COREDUMP_GID, false },
		{ "user.coredump.pid", FIELD_COREDUMP_PID, false },
		{ "user.coredump.signal", FIELD_COREDUMP_SIGNAL, false },
		{ "user.coredump.timestamp", FIELD_COREDUMP_TIMESTAMP, false },
		{ "user.coredump.comm", FIELD_COREDUMP_COMM, true },
		{ "user.coredump.exe", FIELD_COREDUMP_EXE, true },
	};
	bool vouched_for = crash->attributed || crash->privileged;

	for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
		const struct field *field = &crash->entry->fields[pairs[i].field];
		char value[4096];
		ssize_t n;

		if (pairs[i].is_name && (vouched_for || !field->value))
			continue;
		n = fgetxattr(fd, pairs[i].attribute, value, sizeof(value));
		if (n < 0 && errno == EOPNOTSUPP)
			return -ENOTSUP;
		if (n < 0 && errno == ENODATA && pairs[i].is_name && field->length > NAME_FITS)
			continue;
		if (n < 0 || (size_t)n != field->length || memcmp(value, field->value, (size_t)n) != 0)
			return -EBADMSG;
	}
	return 0;
}

/*
 * COREDUMP_DUMPABLE: absent before the fix of CVE-2025-4598 (systemd 252.38); anything but 1 is a process that its
 * owner may not look into.
 */
static bool dumpable_is(const struct entry *entry, bool if_absent) {
	const char *dumpable = entry_get(entry, FIELD_COREDUMP_DUMPABLE);

	return dumpable ? entry_is_plain(entry, FIELD_COREDUMP_DUMPABLE) && streq(dumpable, "1") : if_absent;
}

/* CVE-2022-4415's lesson: what came out of a core goes to its owner only where the core itself does. */
static bool file_is_owners(int fd, const struct crash *crash) {
	char acl[ACL_MAX_BYTES] __attribute__((aligned(8)));
	ssize_t n = fgetxattr(fd, "system.posix_acl_access", acl, sizeof(acl));

	return n > 0 && acl_lets_user_read(acl, (size_t)n, crash->uid) && dumpable_is(crash->entry, true);
}

/* Without a file there is no ACL: the same conditions, as far as the entry shows them. In doubt: no. */
static bool entry_is_owners(const struct crash *crash) {
	const char *status = entry_get(crash->entry, FIELD_COREDUMP_PROC_STATUS);

	return dumpable_is(crash->entry, false) && status && status_ids_are(status, crash->uid, crash->gid);
}

static int open_core(const struct corefile_policy *policy, const char *name, int *ret_fd, const char **ret_reason) {
	_cleanup_close_ int dir = open(policy->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int fd;

	if (dir < 0)
		return -errno;
	if (fstat(dir, &st) < 0)
		return -errno;
	if (!trusted(policy, &st))
		return forged("the folder of cores can be written by others than root", ret_reason);
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int check_core(const struct corefile_policy *policy, int fd, struct crash *crash, const char **ret_reason) {
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return without_core(crash, CORE_INACCESSIBLE, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return forged("the core is not a regular file", ret_reason);
	if (!trusted(policy, &st))
		return forged("the core is not root's, or others may write it", ret_reason);
	r = check_attributes(fd, crash);
	if (r == -ENOTSUP)
		return without_core(crash, CORE_INACCESSIBLE,
		                    "the file system has no extended attributes that prove whose core it is");
	if (r < 0)
		return forged("the core's extended attributes are not those of the entry", ret_reason);

	crash->core_bytes = (uint64_t)st.st_size;
	crash->core_inode = st.st_ino;
	crash->owner_may_read = !uid_is_system(crash->uid) && file_is_owners(fd, crash);
	if (crash->core_bytes > policy->max)
		return without_core(crash, CORE_INACCESSIBLE, "the core is larger than CoreMax= allows");
	crash->core_state = entry_get(crash->entry, FIELD_COREDUMP_TRUNCATED) ? CORE_TRUNCATED : CORE_PRESENT;
	return 1;
}

int corefile_open(const struct corefile_policy *policy, struct crash *crash, const char **ret_reason) {
	const char *path = entry_get(crash->entry, FIELD_COREDUMP_FILENAME), *name;
	_cleanup_close_ int fd = -EBADF;
	int r;

	crash->owner_may_read = !uid_is_system(crash->uid) && entry_is_owners(crash);
	if (!path)
		return without_core(crash, crash->entry->has_core ? CORE_JOURNAL : CORE_NONE, NULL);
	if (!entry_is_plain(crash->entry, FIELD_COREDUMP_FILENAME))
		return forged("COREDUMP_FILENAME= is not one plain path", ret_reason);
	name = core_basename(policy, path);
	if (!name)
		return forged("COREDUMP_FILENAME= is not a core in the folder of cores", ret_reason);

	r = open_core(policy, name, &fd, ret_reason);
	if (r == -EBADMSG || r == -ENOMEM)
		return r;
	if (r == -ELOOP || r == -ENXIO)
		return forged("the core is not a regular file", ret_reason);
	if (r == -ENOENT)
		return without_core(crash, CORE_MISSING, NULL);
	if (r < 0)
		return without_core(crash, CORE_INACCESSIBLE, strerror(-r));
	r = check_core(policy, fd, crash, ret_reason);
	if (r > 0)
		crash->core_fd = take_fd(fd);
	return MIN(r, 0);
}
