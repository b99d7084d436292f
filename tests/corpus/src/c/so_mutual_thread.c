#define _GNU_SOURCE
#include <pthread.h>
int odd(int n);
__attribute__((noinline)) int even(int n) { volatile char b[200]; b[n % 200] = n; return odd(n + 1) + b[n % 200]; }
__attribute__((noinline)) int odd(int n) { volatile char b[90]; b[n % 90] = n; return even(n + 1) + b[n % 90]; }
static void *run(void *a) { pthread_setname_np(pthread_self(), "parity"); return (void *)(long)even(1); }
int main(void) { pthread_t t; pthread_attr_t a; pthread_attr_init(&a); pthread_attr_setstacksize(&a, 524288); pthread_create(&t, &a, run, 0); pthread_join(t, 0); return 0; }
