__attribute__((noinline)) void poke(volatile char *p) { *p = 1; }
int main(void) { char here; poke(&here - (20 << 20)); return 0; }
