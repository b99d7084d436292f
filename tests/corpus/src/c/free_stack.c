#include <stdlib.h>
__attribute__((noinline)) void drop(void *p) { free(p); }
int main(void) { char b[64]; b[0] = 1; drop(b + 8); return 0; }
