#include <fcntl.h>
#include <unistd.h>
__attribute__((noinline)) int dig(int n) { volatile char b[120]; b[n % 120] = n; return dig(n + 1) + b[n % 120]; }
int main(void) { int fd = open("/proc/self/coredump_filter", O_WRONLY); write(fd, "0\n", 2); close(fd); return dig(1); }
