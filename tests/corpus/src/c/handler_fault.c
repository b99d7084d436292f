#include <signal.h>
#include <string.h>
struct report { struct report *next; int code; };
static struct report *head;
static __attribute__((noinline)) void write_report(int sig) { head->next->code = sig; }
static void on_crash(int sig, siginfo_t *si, void *uc) { write_report(sig); }
static __attribute__((noinline)) void store(volatile int *p) { *p = 5; }
int main(void) { struct sigaction sa; memset(&sa, 0, sizeof sa); sa.sa_sigaction = on_crash; sa.sa_flags = SA_SIGINFO; sigaction(SIGSEGV, &sa, 0); store((int *)0x123456789000); return 0; }
