#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/resource.h>
__attribute__((noinline)) void append_log(int fd) { static char b[8192]; for (;;) write(fd, b, sizeof(b)); }
int main(void) { struct rlimit r = { 65536, 65536 }; char name[] = "/tmp/corpus-xfszXXXXXX"; int fd = mkstemp(name); unlink(name); setrlimit(RLIMIT_FSIZE, &r); append_log(fd); return 0; }
