#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>
static void *sleeper(void *a) { pause(); return 0; }
__attribute__((noinline)) void poke(char *p) { *p = 1; }
int main(void) {
	pthread_t t; pthread_attr_t a; void *base; size_t size, guard;
	pthread_create(&t, 0, sleeper, 0);
	pthread_getattr_np(t, &a); pthread_attr_getstack(&a, &base, &size); pthread_attr_getguardsize(&a, &guard);
	poke((char *)base - 64);
	return 0;
}
