#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static int (*nap)(int);
static int pipes[2];
static void *run(void *a) { return (void *)(long)(nap(pipes[0]) + 1); }
int main(int argc, char **argv) {
	char path[4096]; pthread_t t; void *h;
	snprintf(path, sizeof(path), "%s.so", argv[0]);
	h = dlopen(path, RTLD_NOW); nap = (int (*)(int))dlsym(h, "nap"); pipe(pipes);
	pthread_create(&t, 0, run, 0); usleep(200000); dlclose(h); write(pipes[1], "", 1); pthread_join(t, 0);
	return 0;
}
