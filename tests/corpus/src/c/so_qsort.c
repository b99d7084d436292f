#include <stdlib.h>
static int depth;
int sort_level(void);
static int compare(const void *a, const void *b) { depth++; return sort_level() + *(const int *)a - *(const int *)b; }
int sort_level(void) { int v[64]; for (int i = 0; i < 64; i++) v[i] = 64 - i; qsort(v, 64, sizeof(v[0]), compare); return v[0]; }
int main(void) { return sort_level(); }
