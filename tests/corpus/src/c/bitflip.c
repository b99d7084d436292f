#include <stdlib.h>
__attribute__((noinline)) void mark(int *p) { *p = 1; }
int main(void) { int *p = malloc(100); *p = 2; mark((int *)((unsigned long)p ^ (1UL << 40))); return 0; }
