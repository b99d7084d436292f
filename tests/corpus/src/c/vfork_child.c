#include <unistd.h>
#include <sys/wait.h>
struct job { int id; char name[60]; int status; };
static __attribute__((noinline)) void setup_child(struct job *job) { job->status = 7; }
int main(void) {
	pid_t p = vfork();
	if (p == 0) { setup_child(0); _exit(1); }
	int st; waitpid(p, &st, 0);
	return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : 0;
}
