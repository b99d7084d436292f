#include <string.h>
char buffer[4096];
__attribute__((noinline)) void load(char *to, const char *from, unsigned long n) { memcpy(to, from, n); buffer[0]++; }
int main(int argc, char **argv) { load(buffer, argc > 1 ? argv[1] : 0, 1000 + argc); return 0; }
