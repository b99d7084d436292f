#include <thread>
#include <unistd.h>
__attribute__((noinline)) void start() { std::thread t([] { pause(); }); }
int main() { start(); return 0; }
