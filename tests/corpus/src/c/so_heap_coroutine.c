#define _GNU_SOURCE
#include <stdlib.h>
#include <ucontext.h>
static ucontext_t home, fiber;
__attribute__((noinline)) int descend(int n) { volatile char pad[100]; pad[n % 100] = n; return descend(n + 1) + pad[n % 100]; }
static void entry(void) { descend(1); }
int main(void) {
	getcontext(&fiber); fiber.uc_stack.ss_sp = malloc(65536); fiber.uc_stack.ss_size = 65536; fiber.uc_link = &home;
	makecontext(&fiber, entry, 0); swapcontext(&home, &fiber);
	return 0;
}
