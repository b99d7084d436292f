__attribute__((noinline)) int grow(int n) { return n + 2000000000; }
int main(int argc, char **argv) { return grow(argc * 2000000000); }
