#include <sys/mman.h>
__attribute__((noinline)) int read_secret(volatile int *p) { return p[3]; }
int main(void) { int *p = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); p[3] = 1; mprotect(p, 65536, PROT_NONE); return read_secret(p); }
