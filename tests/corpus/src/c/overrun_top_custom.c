#define _GNU_SOURCE
#include <sys/mman.h>
#include <ucontext.h>
static ucontext_t home, fiber;
__attribute__((noinline)) void scribble(char *p) { for (;;) *p++ = 1; }
static void entry(void) { char b[64]; scribble(b); }
int main(void) {
	char *s = mmap(0, 65536 + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(s + 4096, 65536, PROT_READ | PROT_WRITE);
	getcontext(&fiber); fiber.uc_stack.ss_sp = s + 4096; fiber.uc_stack.ss_size = 65536; fiber.uc_link = &home;
	makecontext(&fiber, entry, 0); swapcontext(&home, &fiber);
	return 0;
}
