#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
__thread char scratch[384 << 10];
__attribute__((noinline)) int render(int n) { volatile char line[160 << 10]; for (unsigned i = 0; i < sizeof(line); i += 512) line[sizeof(line) - 1 - i] = n; return line[n]; }
static void *run(void *a) { pthread_setname_np(pthread_self(), "painter"); memset(scratch, 1, 64); return (void *)(long)render(1); }
int main(void) { pthread_t t; pthread_attr_t a; pthread_attr_init(&a); pthread_attr_setstacksize(&a, 512 << 10); pthread_create(&t, &a, run, 0); pthread_join(t, 0); return 0; }
