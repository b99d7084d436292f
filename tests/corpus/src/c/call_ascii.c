#include <string.h>
struct op { char name[8]; void (*run)(void); };
__attribute__((noinline)) void dispatch(struct op *op) { op->run(); }
int main(void) { static struct op op; strcpy(op.name, "a name that is far too long"); dispatch(&op); return 0; }
