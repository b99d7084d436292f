/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For tests/system/test-faults, by LD_PRELOAD: in the process named by $FAIL_PROGRAM the allocation of number $FAIL_AT
 * fails, and no other. Its children are left alone (they are other programs, or count on from where the parent was). Of
 * a crash it tells the frames, for libraries have mistakes of their own. Stands alone; compiled by the test.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned long count, fail_at;
static pid_t self;

static void tell_frames(int number) {
	void *frames[32];

	(void)!write(STDERR_FILENO, "DIED IN\n", 8);
	backtrace_symbols_fd(frames, backtrace(frames, 32), STDERR_FILENO);
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

__attribute__((constructor)) static void begin(void) {
	const char *program = getenv("FAIL_PROGRAM"), *at = getenv("FAIL_AT");

	if (program && at && strcmp(program, program_invocation_short_name) == 0) {
		void *frame;

		self = getpid();
		(void)backtrace(&frame, 1); /* loads what it needs */
		(void)signal(SIGSEGV, tell_frames);
		(void)signal(SIGABRT, tell_frames);
		fail_at = strtoul(at, NULL, 10);
	}
}

static bool fails(void) {
	if (fail_at == 0 || ++count != fail_at || getpid() != self)
		return false;
	(void)!write(STDERR_FILENO, "ALLOCATION FAILED\n", 18);
	errno = ENOMEM;
	return true;
}

#define NEXT(function)                                                          \
	static __typeof__(&function) real;                                      \
	if (!real)                                                              \
		real = (__typeof__(&function))(uintptr_t)dlsym(RTLD_NEXT, #function)

void *malloc(size_t size) {
	NEXT(malloc);
	return fails() ? NULL : real(size);
}

void *calloc(size_t n, size_t size) {
	NEXT(calloc);
	return fails() ? NULL : real(n, size);
}

void *realloc(void *p, size_t size) {
	NEXT(realloc);
	return fails() ? NULL : real(p, size);
}
