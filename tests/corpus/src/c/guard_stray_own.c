#define _GNU_SOURCE
#include <pthread.h>
__attribute__((noinline)) void poke(char *p) { *p = 1; }
static void *run(void *arg) {
 pthread_setname_np(pthread_self(), "stray");	pthread_attr_t a; void *base; size_t size;
	pthread_getattr_np(pthread_self(), &a); pthread_attr_getstack(&a, &base, &size);
	poke((char *)base - 64);
	return 0;
}
int main(void) { pthread_t t; pthread_create(&t, 0, run, 0); pthread_join(t, 0); return 0; }
