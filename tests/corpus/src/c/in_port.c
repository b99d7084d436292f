__attribute__((noinline)) int port(void) { unsigned char v; __asm__ volatile("inb $0x60, %0" : "=a"(v)); return v; }
int main(void) { return port(); }
