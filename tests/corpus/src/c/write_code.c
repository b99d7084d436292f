int main(int argc, char **argv);
__attribute__((noinline)) void patch(unsigned char *code) { code[0] = 0xc3; }
int main(int argc, char **argv) { patch((unsigned char *)&main); return 0; }
