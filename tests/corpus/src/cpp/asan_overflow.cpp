#include <cstdlib>
__attribute__((noinline)) int last(int *v, int n) { return v[n]; }
int main(int argc, char **) { int *v = (int *)calloc(10, 4); return last(v, 9 + argc); }
