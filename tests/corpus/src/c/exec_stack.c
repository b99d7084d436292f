__attribute__((noinline)) int launch(void *code) { int r = ((int (*)(void))code)(); return r + 1; }
int main(void) { unsigned char code[16] = { 0x31, 0xc0, 0xc3 }; return launch(code); }
