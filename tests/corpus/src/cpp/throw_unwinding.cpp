#include <stdexcept>
#include <string>
struct File { std::string n; ~File() noexcept(false) { flush(); } void flush() { throw std::runtime_error("flush of " + n + " failed"); } };
static void parse(int n) { File f{"out.csv"}; if (n) throw std::invalid_argument("bad number"); }
int main(int argc, char **) { try { parse(argc); } catch (std::exception &e) { return 1; } return 0; }
