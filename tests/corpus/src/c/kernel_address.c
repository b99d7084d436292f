__attribute__((noinline)) long peek(long *p) { return *p; }
int main(void) { return peek((long *)0xffffffff81000000UL); }
