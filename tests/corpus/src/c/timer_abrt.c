#include <signal.h>
#include <time.h>
static volatile long n;
static __attribute__((noinline)) void busy_wait(void) { for (;;) n++; }
int main(void) { timer_t t; struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGABRT}; timer_create(CLOCK_MONOTONIC, &ev, &t);
	struct itimerspec it = {.it_value = {0, 50000000}}; timer_settime(t, 0, &it, 0); busy_wait(); return 0; }
