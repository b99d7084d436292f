#include <sys/mman.h>
__attribute__((noinline)) void copy(void *to, const void *from, unsigned long n) { __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory"); }
int main(void) {
	char *a = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(a + 8192, 4096, PROT_NONE);
	copy(a + 4000, a, 8000);
	return 0;
}
