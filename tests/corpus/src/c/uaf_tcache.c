#include <stdlib.h>
struct node { struct node *next; long key; int value; };
struct node *make(struct node *next) { struct node *n = malloc(sizeof(*n)); n->next = next; n->value = 7; return n; }
__attribute__((noinline)) int sum(struct node *n) { int s = 0; for (; n; n = n->next) s += n->value; return s; }
int main(void) { struct node *a = make(make(0)); free(a); return sum(a); }
