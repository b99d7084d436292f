#include <memory>
#include <thread>
#include <pthread.h>
struct Stats { long hits[10]; };
struct Flusher { std::unique_ptr<Stats> s{new Stats}; ~Flusher() { flush(); } __attribute__((noinline)) void flush() { s->hits[2]++; } };
static thread_local Flusher tl;
int main() { std::thread t([] { pthread_setname_np(pthread_self(), "stats"); auto s = std::move(tl.s); s->hits[0] = 1; }); t.join(); return 0; }
