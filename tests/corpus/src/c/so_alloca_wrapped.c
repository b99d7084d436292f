#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
#include <string.h>
static char packet[64];
__attribute__((noinline)) int decode(unsigned have, unsigned header) { unsigned len = have - header; char *b = alloca(len); memset(b, 1, 16); return b[0] + packet[b[1]]; }
static void *run(void *arg) { pthread_setname_np(pthread_self(), "rx"); return (void *)(long)decode(12, 20); }
int main(void) { pthread_t t; pthread_create(&t, 0, run, 0); pthread_join(t, 0); return 0; }
