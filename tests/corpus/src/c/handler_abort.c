#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static void handler(int s) { static const char m[] = "caught\n"; write(2, m, sizeof(m) - 1); abort(); }
__attribute__((noinline)) void update(int *p) { *p = 4; }
int main(void) {
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	sigaltstack(&ss, 0); sigaction(SIGSEGV, &sa, 0);
	update(0);
	return 0;
}
