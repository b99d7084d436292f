const int limit = 5;
__attribute__((noinline)) void set_limit(void) { __asm__ volatile("movl $7, limit(%rip)"); }
int main(void) { set_limit(); return limit; }
