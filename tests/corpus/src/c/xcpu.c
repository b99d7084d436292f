#include <sys/resource.h>
volatile unsigned long n;
__attribute__((noinline)) void spin(void) { for (;;) n++; }
int main(void) { struct rlimit r = { 1, 5 }; setrlimit(RLIMIT_CPU, &r); spin(); return 0; }
