#include <stdlib.h>
#include <string.h>
__attribute__((noinline)) int first(int *samples) { return samples[1024]; }
int main(void) { int *s = malloc(8 << 20); memset(s, 1, 8 << 20); free(s); return first(s); }
