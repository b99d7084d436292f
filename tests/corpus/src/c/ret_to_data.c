char table[64] = "\x90\x90\x90";
__attribute__((noinline)) void input(void **slot, void *v) { slot[0] = v; }
__attribute__((noinline)) int login(int n) { void *frame[2] = {0}; volatile int k = 3 + n; input(&frame[k], table); return n; }
int main(int argc, char **argv) { return login(argc - 1) + 1; }
