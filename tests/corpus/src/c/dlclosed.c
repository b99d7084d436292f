#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
	char path[4096];
	snprintf(path, sizeof(path), "%s.so", argv[0]);
	void *h = dlopen(path, RTLD_NOW);
	int (*tick)(void) = (int (*)(void))dlsym(h, "tick");
	tick();
	dlclose(h);
	return tick();
}
