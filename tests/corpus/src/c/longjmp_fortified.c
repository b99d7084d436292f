#include <setjmp.h>
#include <string.h>
static jmp_buf env;
static __attribute__((noinline)) void arm(void) { volatile char deep[20000]; memset((char *)deep, 1, sizeof deep); if (setjmp(env) == 0) deep[0] = 2; }
static __attribute__((noinline)) void indirect(int n) { volatile char deep[60000]; memset((char *)deep, 1, sizeof deep); if (n) indirect(n - 1); else arm(); }
static __attribute__((noinline)) void cancel(int code) { longjmp(env, code); }
int main(int argc, char **argv) { indirect(3); cancel(argc); return 0; }
