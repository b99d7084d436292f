#include <stdexcept>
#include <string>
__attribute__((noinline)) void load(int n) { if (n) throw std::invalid_argument("bad chunk " + std::to_string(n)); }
void close_all(int n) noexcept { load(n); }
int main(int argc, char **) { close_all(argc); return 0; }
