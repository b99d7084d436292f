#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
static __attribute__((noinline)) long descend(long n) { volatile char pad[500]; pad[0] = n; return descend(n + 1) + pad[0]; }
static int child(void *arg) { return descend((long)arg); }
int main(void) {
	char *base = mmap(0, 64 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	munmap(base + (32 << 20), 16 << 20);
	char *s = mmap(base + (48 << 20) - 65536, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	int p = clone(child, s + 65536, SIGCHLD, (void *)1), st; waitpid(p, &st, 0); return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : 0;
}
