#include <exception>
static __attribute__((noinline)) void retry_last() { throw; }
int main(int argc, char **) { try { retry_last(); } catch (...) { return 1; } return 0; }
