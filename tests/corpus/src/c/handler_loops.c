#include <signal.h>
#include <string.h>
static int *counter;
static void on_segv(int sig) { (*counter)++; }
int main(void) { struct sigaction sa; memset(&sa, 0, sizeof sa); sa.sa_handler = on_segv; sa.sa_flags = SA_NODEFER; sigaction(SIGSEGV, &sa, 0); *counter = 1; return 0; }
