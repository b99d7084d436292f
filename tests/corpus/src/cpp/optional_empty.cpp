#include <optional>
#include <string>
struct Config { std::optional<int> port; };
template <class T> __attribute__((noinline)) std::string describe(const T &c) { return "port " + std::to_string(c.port.value()); }
int main() { Config c; return describe<Config>(c).size(); }
