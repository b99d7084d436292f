#include <stdlib.h>
__attribute__((noinline)) void release(char *p) { free(p); }
int main(void) { char *p = malloc(40); release(p); release(p); return 0; }
