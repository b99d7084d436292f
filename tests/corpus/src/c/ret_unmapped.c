#include <string.h>
__attribute__((noinline)) void store(const char *s, unsigned n) { char b[16]; memcpy(b, s, n); __asm__ volatile("" : : "r"(b) : "memory"); }
int main(void) { static unsigned long w[16]; for (int i = 0; i < 16; i++) w[i] = 0x4141414141UL; store((char *)w, 64); return 0; }
