#include <string.h>
#include <sys/mman.h>
typedef long (*fn)(long *);
static __attribute__((noinline)) long execute(fn f, long *env) { return f(env) + 1; }
int main(void) {
	unsigned char code[] = {0x48, 0x83, 0xec, 0x18, 0x48, 0xc7, 0x47, 0x20, 1, 0, 0, 0, 0x48, 0x83, 0xc4, 0x18, 0xc3};
	unsigned char *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(p, code, sizeof code);
	mprotect(p, 4096, PROT_READ | PROT_EXEC);
	return execute((fn)p, 0);
}
