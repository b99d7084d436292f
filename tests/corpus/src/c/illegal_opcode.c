__attribute__((noinline)) void decode(void) { __asm__ volatile(".byte 0x06, 0x90"); }
int main(void) { decode(); return 0; }
