#define _GNU_SOURCE
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
static __attribute__((noinline)) long expand(long n) { volatile char pad[900]; pad[0] = n; return expand(n + 1) + pad[0]; }
static void *run(void *arg) { int p = fork(), st; if (p == 0) { expand(1); _exit(0); } waitpid(p, &st, 0); _exit(WIFSIGNALED(st) ? 128 + WTERMSIG(st) : 0); }
int main(void) { pthread_t t; pthread_attr_t a; pthread_attr_init(&a); pthread_attr_setstacksize(&a, 384 << 10); pthread_create(&t, &a, run, 0); pthread_join(t, 0); return 0; }
