#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <pthread.h>
static void handler(int s, siginfo_t *si, void *c) { signal(s, SIG_DFL); syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), s); }
__attribute__((noinline)) void put(long *p) { p[2] = 5; }
static void *run(void *a) { pthread_setname_np(pthread_self(), "writer"); put((long *)0x600000000000); return 0; }
int main(void) {
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	pthread_t t;
	sigaction(SIGSEGV, &sa, 0);
	pthread_create(&t, 0, run, 0); pthread_join(t, 0);
	return 0;
}
