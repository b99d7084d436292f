#define _GNU_SOURCE
#include <sys/mman.h>
__attribute__((noinline)) int descend(int n) { volatile char pad[100]; pad[n % 100] = n; return descend(n + 1) + pad[n % 100]; }
int main(void) {
	char here; unsigned long at = ((unsigned long)&here & ~4095UL) - (3 << 20);
	mmap((void *)at, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	return descend(1);
}
