#include <sys/mman.h>
__attribute__((noinline)) int descend(int n) { volatile char pad[100]; pad[n % 100] = n; return descend(n + 1) + pad[n % 100]; }
static void entry(void) { descend(1); __builtin_trap(); }
int main(void) {
	char *s = mmap(0, (96 << 10) + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(s + 4096, 96 << 10, PROT_READ | PROT_WRITE);
	__asm__ volatile("mov %0, %%rsp\n\txor %%ebp, %%ebp\n\tpush $0\n\tjmp *%1" : : "r"(s + 4096 + (96 << 10)), "r"(entry) : "memory");
	return 0;
}
