#include <stdlib.h>
#include <string.h>
__attribute__((noinline)) void fill(char *p, int n) { memset(p, 0x41, n); }
int main(void) { char *a = malloc(2000), *b = malloc(2000), *c = malloc(2000); fill(a, 2032); free(b); free(c); return 0; }
