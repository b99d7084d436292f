static char data[64];
__attribute__((noinline)) int load(char *p) { int v; __asm__ volatile("pushf\n\torl $0x40000, (%%rsp)\n\tpopf\n\tmovl (%1), %0" : "=r"(v) : "r"(p)); return v; }
int main(void) { return load(data + 1); }
