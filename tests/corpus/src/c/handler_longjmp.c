#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <setjmp.h>
static sigjmp_buf back;
static volatile int tries;
static void handler(int s, siginfo_t *si, void *c) { if (tries++ == 0) siglongjmp(back, 1); abort(); }
__attribute__((noinline)) void probe(volatile char *p) { *p = 1; }
__attribute__((noinline)) void later(int *p) { p[4] = 4; }
int main(void) {
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	sigaltstack(&ss, 0); sigaction(SIGSEGV, &sa, 0);
	if (sigsetjmp(back, 1) == 0) probe((char *)0x7000000000);
	later(0);
	return 0;
}
