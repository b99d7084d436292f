#define _GNU_SOURCE
#include <pthread.h>
int seed = 3;
__attribute__((noinline)) int walk(int n) { volatile char pad[100]; pad[n % 100] = n; if (n == -seed) return 0; return walk(n + 1) + pad[n % 100]; }
static void *run(void *a) { pthread_setname_np(pthread_self(), "walker"); return (void *)(long)walk(1); }
int main(void) { pthread_t t; pthread_attr_t a; pthread_attr_init(&a); pthread_attr_setstacksize(&a, 131072); pthread_create(&t, &a, run, 0); pthread_join(t, 0); return 0; }
