#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>
static char *low;
__attribute__((noinline)) int dive(int n) { volatile char pad[40]; pad[n % 40] = n; if ((char *)pad - low < 900) return getppid(); return dive(n + 1) + pad[n % 40]; }
static void *run(void *a) { pthread_setname_np(pthread_self(), "diver"); pthread_attr_t at; size_t size; pthread_getattr_np(pthread_self(), &at); pthread_attr_getstack(&at, (void **)&low, &size); return (void *)(long)dive(1); }
int main(void) { pthread_t t; pthread_attr_t a; pthread_attr_init(&a); pthread_attr_setstacksize(&a, 65536); pthread_create(&t, &a, run, 0); pthread_join(t, 0); return 0; }
