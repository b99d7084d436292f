/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * as-corewatchd CORE CACHE WORKER: becomes the worker, with the descriptors that util/protocol.h names opened as corewatchd opens them, so that no shell's
 * start is measured with it. Records go to /dev/null: a file on a disk that is written over again would be flushed at each close.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whatever had the number before, from who started us, is closed. */
static int open_as(const char *path, int flags, int wanted) {
	int fd = open(path, flags);

	if (fd >= 0 && (fd == wanted || (dup2(fd, wanted) == wanted && close(fd) == 0)))
		return 0;
	fprintf(stderr, "as-corewatchd: %s: %s\n", path, strerror(errno));
	return -1;
}

int main(int argc, char **argv) {
	if (argc != 4) {
		fprintf(stderr, "usage: as-corewatchd CORE CACHE WORKER\n");
		return 127;
	}
	if (open_as(argv[1], O_RDONLY, 3) < 0 || open_as("/dev/null", O_WRONLY, 4) < 0 || open_as(argv[2], O_RDONLY | O_DIRECTORY, 5) < 0)
		return 127;
	execl(argv[3], argv[3], (char *)NULL);
	fprintf(stderr, "as-corewatchd: %s: %s\n", argv[3], strerror(errno));
	return 127;
}
