#include <sys/mman.h>
__attribute__((noinline)) int header(char *map) { return map[0]; }
int main(void) { return header(mmap(0, 4096, PROT_READ, MAP_PRIVATE, 77, 0)); }
