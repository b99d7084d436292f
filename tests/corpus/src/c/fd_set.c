#include <stdio.h>
#include <sys/select.h>
__attribute__((noinline)) int watch(int fd) { fd_set s; FD_ZERO(&s); FD_SET(fd, &s); return FD_ISSET(3, &s); }
int main(int argc, char **argv) { return watch(4999 + argc); }
