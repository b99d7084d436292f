#include <stdio.h>
static int *cpu_level;
static int fast(int x) { return x * 2; }
static int slow(int x) { return x + x; }
static void *pick_impl(void) { return *cpu_level > 2 ? (void *)fast : (void *)slow; }
int doubled(int x) __attribute__((ifunc("pick_impl")));
int main(int argc, char **argv) { printf("%d\n", doubled(argc)); return 0; }
