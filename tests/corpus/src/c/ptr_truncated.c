#include <stdlib.h>
__attribute__((noinline)) int use(int *p) { return p[2]; }
int main(void) { int *p = malloc(64); int half = (int)(long)p; return use((int *)(long)half); }
