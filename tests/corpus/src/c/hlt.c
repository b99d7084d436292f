__attribute__((noinline)) void halt(void) { __asm__ volatile("hlt"); }
int main(void) { halt(); return 0; }
