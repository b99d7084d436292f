/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main() of a fuzz target where there is no libFuzzer: runs it once over every file named, or, without arguments, over
 * its seeds in $builddir/fuzz/seeds/TARGET, which fuzz/make-seeds made. TAP: one test point, which a folder without
 * files does not pass. What goes wrong is the target's or a sanitizer's to tell, by ending the process; the file that
 * was read last is named then.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "fuzz.h"

/* What libFuzzer would not read either. */
#define INPUT_MAX MIB(64)

static char current[PATH_MAX + 512];

static void replay_file(const char *path) {
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *data = NULL;
	uint8_t *exact;
	size_t length;

	if (fd < 0 || read_whole(fd, INPUT_MAX, &data, &length) < 0) {
		printf("Bail out! cannot read %s\n", path);
		exit(99);
	}
	/* The name goes out before the input goes in: nothing is left to say afterwards. */
	snprintf(current, sizeof(current), "# %s\n", path);
	(void)write_full(STDERR_FILENO, current, strlen(current));
	/* Of exactly this size, so that a read beyond its end is seen. */
	exact = malloc(length ? length : 1);
	fuzz_check(exact);
	memcpy(exact, data, length);
	(void)LLVMFuzzerTestOneInput(exact, length);
	free(exact);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
	return strcmp((*a)->d_name, (*b)->d_name);
}

static unsigned replay_folder(const char *path) {
	struct dirent **entries;
	unsigned done = 0;
	int n = scandir(path, &entries, NULL, by_name);

	for (int i = 0; i < n; i++) {
		char name[PATH_MAX + 256];
		struct stat st;

		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (stat(name, &st) == 0 && S_ISREG(st.st_mode)) {
			replay_file(name);
			done++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return done;
}

static int replay_seeds(void) {
	const char *top = getenv("builddir");
	char path[PATH_MAX];
	unsigned n;

	printf("1..1\n");
	snprintf(path, sizeof(path), "%s/fuzz/seeds/%s", top ? top : ".", program_invocation_short_name);
	n = replay_folder(path);
	printf("%sok 1 - %s: %u inputs\n", n > 0 ? "" : "not ", program_invocation_short_name, n);
	return n == 0;
}

int main(int argc, char **argv) {
	/* Of what happened before a crash nothing may be missing. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return replay_seeds();
	for (int i = 1; i < argc; i++)
		replay_file(argv[i]);
	printf("%d inputs\n", argc - 1);
	return 0;
}
