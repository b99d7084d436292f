__attribute__((noinline)) int get(int *table, int index) { return table[index]; }
int main(int argc, char **argv) { return get(argc > 1 ? (int *)argv : 0, 5000); }
