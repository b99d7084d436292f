#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
__attribute__((noinline)) int expand(unsigned long n) { char *p = alloca(n); p[0] = 1; p[n - 1] = 2; return p[0]; }
static void *run(void *a) { pthread_setname_np(pthread_self(), "scaler"); return (void *)(long)expand(1UL << 20); }
int main(void) { pthread_t t; pthread_attr_t a; pthread_attr_init(&a); pthread_attr_setstacksize(&a, 262144); pthread_create(&t, &a, run, 0); pthread_join(t, 0); return 0; }
