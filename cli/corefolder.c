/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See corefolder.h. Looks at the first bytes only, to tell a core from the log beside it; parsing is the worker's. */
#include "cli/corefolder.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "util/io.h"

/* More in one folder is not a test run's. */
#define CORES_MAX 100000

static bool is_packed_core(const char *name) {
	static const char *const suffixes[] = { ".zst", ".lz4", ".xz" };

	if (!strstr(name, "core"))
		return false;
	for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
		if (str_has_suffix(name, suffixes[i]))
			return true;
	return false;
}

static bool is_core(int folder, const char *name) {
	_cleanup_close_ int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	unsigned char head[EI_NIDENT + 2];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (is_packed_core(name))
		return true;
	if (pread_full(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) || memcmp(head, ELFMAG, SELFMAG) != 0)
		return false;
	/* e_type, in the core's own byte order. */
	return head[EI_DATA] == ELFDATA2MSB ? head[EI_NIDENT + 1] == ET_CORE : head[EI_NIDENT] == ET_CORE;
}

void corefolder_free(char **paths, size_t n) {
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	free(paths);
}

static int compare(const void *a, const void *b) {
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void closedirp(DIR **dir) {
	if (*dir)
		closedir(*dir);
}

static int add(char ***paths, size_t *n, const char *folder, const char *name) {
	char **more, *path;

	if (*n >= CORES_MAX)
		return -E2BIG;
	more = reallocarray(*paths, *n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	*paths = more;
	if (asprintf(&path, "%s%s%s", folder, str_has_suffix(folder, "/") ? "" : "/", name) < 0)
		return -ENOMEM;
	(*paths)[(*n)++] = path;
	return 0;
}

int corefolder_list(const char *folder, char ***ret_paths, size_t *ret_n) {
	_cleanup_close_ int fd = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	_cleanup_(closedirp) DIR *dir = NULL;
	struct dirent *entry;
	char **paths = NULL;
	size_t n = 0;
	int r = 0;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	fd = -EBADF;
	while (r >= 0 && (entry = readdir(dir)))
		if (is_core(dirfd(dir), entry->d_name))
			r = add(&paths, &n, folder, entry->d_name);
	if (r < 0) {
		corefolder_free(paths, n);
		return r;
	}
	if (n > 0)
		qsort(paths, n, sizeof(*paths), compare);
	*ret_paths = paths;
	*ret_n = n;
	return 0;
}
