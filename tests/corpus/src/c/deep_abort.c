#include <stdlib.h>
__attribute__((noinline)) int walk(int n) { volatile char pad[400]; pad[n % 400] = n; if (n == 0) abort(); return walk(n - 1) + pad[n % 400]; }
int main(void) { return walk(11000); }
