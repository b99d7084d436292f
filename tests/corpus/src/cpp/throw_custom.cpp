#include <exception>
namespace net { struct Timeout : std::exception { int ms; explicit Timeout(int m) : ms(m) {} const char *what() const noexcept override { return "net: timeout"; } }; }
__attribute__((noinline)) int poll_peer(int n) { if (n) throw net::Timeout(n * 100); return n + 1; }
int main(int argc, char **) { return poll_peer(argc); }
