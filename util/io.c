/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See io.h. */
#include "util/io.h"

#include <fcntl.h>
#include <sys/stat.h>

ssize_t read_full(int fd, void *buffer, size_t length) {
	size_t done = 0;

	while (done < length) {
		ssize_t n = read(fd, (char *)buffer + done, length - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t pread_full(int fd, void *buffer, size_t length, uint64_t offset) {
	size_t done = 0;

	if (offset > INT64_MAX || length > INT64_MAX - offset)
		return -EINVAL;
	while (done < length) {
		ssize_t n = pread(fd, (char *)buffer + done, length - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int write_full(int fd, const void *data, size_t length) {
	size_t done = 0;

	while (done < length) {
		ssize_t n = write(fd, (const char *)data + done, length - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int read_whole(int fd, size_t max, char **ret_data, size_t *ret_length) {
	_cleanup_free_ char *data = NULL;
	size_t used = 0, size = 0;

	for (;;) {
		ssize_t n;

		if (used + 1 >= size) {
			size_t doubled = MAX(size * 2, (size_t)16384), want = MIN(doubled, max + 2);
			char *p = want > size ? realloc(data, want) : NULL;
			if (!p)
				return want > size ? -ENOMEM : -EFBIG;
			data = p;
			size = want;
		}
		n = read_full(fd, data + used, size - used - 1);
		if (n < 0)
			return (int)n;
		used += (size_t)n;
		if (used > max)
			return -EFBIG;
		if (n == 0 || used + 1 < size)
			break;
	}
	data[used] = 0;
	*ret_data = take_ptr(data);
	*ret_length = used;
	return 0;
}

int read_named(int dirfd, const char *name, size_t max, char **ret_data, size_t *ret_length) {
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? -errno : read_whole(fd, max, ret_data, ret_length);
}

int write_atomically(int dirfd, const char *name, const void *data, size_t length, mode_t mode) {
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *temporary = NULL;
	int r;

	if (asprintf(&temporary, ".%s.%d.tmp", name, (int)getpid()) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	/* What has this name is left over, or was put here by somebody who may write to the folder: it is not written to. */
	(void)unlinkat(dirfd, temporary, 0);
	fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = write_full(fd, data, length);
	if (r >= 0 && fsync(fd) < 0)
		r = -errno;
	if (r >= 0 && renameat(dirfd, temporary, dirfd, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, temporary, 0);
		return r;
	}
	/* Without this the old file may be back after a power cut; some file systems refuse it, which is no loss of content. */
	(void)fsync(dirfd);
	return 0;
}

int memstream_close(FILE *stream, char *const *text) {
	/* A lack of memory is told by the one or the other, or by no text (glibc 2.36). */
	bool failed = ferror(stream);

	return fclose(stream) != 0 || failed || !*text ? -ENOMEM : 0;
}
