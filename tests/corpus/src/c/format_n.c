#include <stdio.h>
#include <string.h>
static char fmt[64];
__attribute__((noinline)) int report(char *f) { int n; return printf(f, 3, &n) + n; }
int main(int argc, char **argv) { strcpy(fmt, "%d items%n\n"); return report(fmt); }
