#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static int *state;
__attribute__((noinline)) void note(int n) { *state = n; }
static void handler(int s) { note(s); }
int main(void) { signal(SIGUSR1, handler); raise(SIGUSR1); return 0; }
