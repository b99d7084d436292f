#include <signal.h>
#include <unistd.h>
__attribute__((noinline)) void serve(void) { for (;;) pause(); }
int main(void) { if (fork() == 0) { union sigval v = { 3 }; usleep(50000); sigqueue(getppid(), SIGABRT, v); _exit(0); } serve(); return 0; }
