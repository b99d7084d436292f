#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
static char *heap; static int *remembered;
static __attribute__((noinline)) void remember(void *p) { remembered[3] = 1; mprotect(heap, 4096, 3); }
static void on_barrier(int sig, siginfo_t *si, void *uc) { remember(si->si_addr); }
static __attribute__((noinline)) void mutate(int i) { heap[i] = 1; }
int main(void) { struct sigaction sa; memset(&sa, 0, sizeof sa); sa.sa_sigaction = on_barrier; sa.sa_flags = SA_SIGINFO; sigaction(SIGSEGV, &sa, 0);
	heap = mmap(0, 4096, 1, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); mutate(70); return 0; }
