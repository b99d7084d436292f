#include <memory>
#include <variant>
#include <vector>
struct Leaf { int v; };
struct Tree; using Item = std::variant<Leaf, std::shared_ptr<Tree>>;
struct Tree { std::vector<Item> items; };
struct Evaluator {
	int operator()(const Leaf &l) { return l.v; }
	int operator()(const std::shared_ptr<Tree> &t) { int s = 0; for (auto &i : t->items) s += evaluate(i); return s; }
	int evaluate(const Item &i) { return std::visit(*this, i); }
};
int main() { auto t = std::make_shared<Tree>(); t->items.push_back(t); Evaluator e; return e.evaluate(t); }
