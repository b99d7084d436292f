#include <cstdio>
__attribute__((noinline)) int mask(int n) { return 1 << n; }
int main(int argc, char **) { printf("%d\n", mask(argc + 40)); return 0; }
