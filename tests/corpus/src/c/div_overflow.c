__attribute__((noinline)) int scale(int a, int b) { return a / b; }
int main(int argc, char **argv) { return scale(-2147483647 - argc, -argc); }
