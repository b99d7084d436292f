#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
static __attribute__((noinline)) long nest(long n) { volatile char pad[700]; pad[0] = n; return nest(n + 1) + pad[0]; }
static void *run(void *arg) { pthread_setname_np(pthread_self(), "nester"); return (void *)nest(1); }
int main(void) { pthread_t t; pthread_attr_t a; pthread_attr_init(&a); pthread_attr_setstacksize(&a, 256 << 10); pthread_attr_setguardsize(&a, 0); pthread_create(&t, &a, run, 0); pthread_join(t, 0); return 0; }
