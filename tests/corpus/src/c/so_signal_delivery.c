#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <sys/syscall.h>
static char *low;
static void handler(int s) { }
__attribute__((noinline)) int approach(int n) { volatile char pad[64]; pad[n % 64] = n; if ((char *)pad - low < 600) { syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1); return 1; } return approach(n + 1) + pad[n % 64]; }
static void *run(void *a) { pthread_setname_np(pthread_self(), "edge"); pthread_attr_t at; size_t size; syscall(SYS_gettid); getpid(); pthread_getattr_np(pthread_self(), &at); pthread_attr_getstack(&at, (void **)&low, &size); return (void *)(long)approach(1); }
int main(void) { pthread_t t; pthread_attr_t a; signal(SIGUSR1, handler); pthread_attr_init(&a); pthread_attr_setstacksize(&a, 65536); pthread_create(&t, &a, run, 0); pthread_join(t, 0); return 0; }
