#include <memory>
struct Node { std::unique_ptr<Node> next; int value = 0; ~Node() { value = -1; } };
static void drop_list(std::unique_ptr<Node> head) { head.reset(); }
int main() { std::unique_ptr<Node> head; for (int i = 0; i < 300000; i++) { auto n = std::make_unique<Node>(); n->next = std::move(head); head = std::move(n); } drop_list(std::move(head)); return 0; }
