#include <iostream>
#include <memory>
struct Expr { std::shared_ptr<Expr> l; int v; };
std::ostream &operator<<(std::ostream &o, const Expr &e) { volatile char pad[64]; pad[0] = 1; o << "("; if (e.l) o << *e.l; return o << e.v << ")"; }
int main() { auto e = std::make_shared<Expr>(); e->l = e; std::ostream out(nullptr); out << *e; return 0; }
