/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recursion to a depth of its own choice, then a null write: how long a stack takes. argv[1]: the depth. */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static volatile int *nowhere;

static __attribute__((noinline)) long descend(long depth) {
	volatile char room[64];

	room[0] = (char)depth;
	if (depth == 0) {
		*nowhere = 1;
		return room[0];
	}
	return descend(depth - 1) + room[0];
}

int main(int argc, char **argv) {
	struct rlimit limit = { 64 << 20, 64 << 20 };

	/* The main stack's limit counts when the program is started. */
	if (argc == 2) {
		setrlimit(RLIMIT_STACK, &limit);
		execl("/proc/self/exe", argv[0], argv[1], "again", NULL);
	}
	return argc > 1 ? (int)descend(atol(argv[1])) : 1;
}
