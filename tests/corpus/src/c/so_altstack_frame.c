#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static void handler(int s) { volatile char b[32768]; for (int i = 0; i < 32768; i += 64) b[i] = s; }
int main(void) {
	char *m = mmap(0, 128 << 10, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t ss = { .ss_sp = m + (64 << 10), .ss_size = 16384 };
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	mprotect(ss.ss_sp, ss.ss_size, PROT_READ | PROT_WRITE);
	sigaltstack(&ss, 0); sigaction(SIGUSR1, &sa, 0);
	raise(SIGUSR1);
	return 0;
}
