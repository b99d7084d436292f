#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline)) static void poll_forever(int fd) { write(fd, "", 1); for (;;) pause(); }
int main(int argc, char **argv) {
  int p[2]; char text[32]; pid_t me = getpid(), manager;
  if (argc > 1) poll_forever(atoi(argv[1]));
  if (pipe(p) != 0) return 1;
  manager = fork();
  if (manager == 0) { if (read(p[0], text, 1) == 1) kill(me, SIGABRT); _exit(0); }
  snprintf(text, sizeof(text), "%d", manager); setenv("MANAGERPID", text, 1); setenv("WATCHDOG_USEC", "3500000", 1);
  snprintf(text, sizeof(text), "%d", p[1]); execl("/proc/self/exe", argv[0], text, NULL);
  return 1;
}
