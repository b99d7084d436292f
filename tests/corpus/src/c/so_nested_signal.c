#include <signal.h>
#include <string.h>
static int depth;
static void on_usr1(int sig) { depth++; raise(SIGUSR1); }
int main(void) { struct sigaction sa; memset(&sa, 0, sizeof sa); sa.sa_handler = on_usr1; sa.sa_flags = SA_NODEFER; sigaction(SIGUSR1, &sa, 0); raise(SIGUSR1); return depth; }
