#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
static __attribute__((noinline)) unsigned long measure(const char *name) { unsigned long n = strlen(name); return n * 3 + 1; }
static void *run(void *arg) { pthread_setname_np(pthread_self(), "namer"); return (void *)(measure(arg) + 1); }
int main(void) { pthread_t t; pthread_create(&t, 0, run, 0); pthread_join(t, 0); return 0; }
