#include <alloca.h>
#include <stdlib.h>
__attribute__((noinline)) int expand(unsigned long n) { char *p = alloca(n); p[0] = 1; p[n / 2] = 2; return p[0]; }
int main(void) { return expand(16UL << 20); }
