__attribute__((noinline)) void inner(void) { unsigned long *fp = __builtin_frame_address(0); fp[0] = 0x5050505050505050UL; }
__attribute__((noinline)) void outer(void) { volatile char b[64]; b[0] = 1; inner(); }
int main(void) { outer(); return 0; }
