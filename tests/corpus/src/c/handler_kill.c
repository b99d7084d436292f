#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static void handler(int s, siginfo_t *si, void *c) { signal(s, SIG_DFL); kill(getpid(), s); pause(); }
__attribute__((noinline)) int ratio(int a, int b) { return a / b; }
int main(int argc, char **argv) {
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER };
	sigaction(SIGFPE, &sa, 0);
	return ratio(7, argc - 1);
}
