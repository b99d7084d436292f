__attribute__((noinline)) void spill(void) { char b[64]; __asm__ volatile("movaps %%xmm0, (%0)" : : "r"((unsigned long)b | 8) : "memory"); }
int main(void) { spill(); return 0; }
