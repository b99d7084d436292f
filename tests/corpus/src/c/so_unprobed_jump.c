#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
__attribute__((noinline)) int blur(int n) { volatile char image[1 << 20]; image[(1 << 20) - (280 << 10)] = n; return image[n]; }
static void *run(void *a) { pthread_setname_np(pthread_self(), "blur"); return (void *)(long)blur(1); }
int main(void) {
	pthread_t t; pthread_attr_t a; char *s = mmap(0, 4 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(s + (3 << 20), 256 << 10, PROT_READ | PROT_WRITE);
	pthread_attr_init(&a); pthread_attr_setstack(&a, s + (3 << 20), 256 << 10);
	pthread_create(&t, &a, run, 0); pthread_join(t, 0); return 0;
}
