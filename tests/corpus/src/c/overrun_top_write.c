__attribute__((noinline)) void fill(volatile int *p) { for (;;) *p++ = 0; }
int main(void) { volatile int b[16]; fill(b); return 0; }
