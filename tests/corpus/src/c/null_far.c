__attribute__((noinline)) int get(int *table, long index) { return table[index]; }
int main(int argc, char **argv) { return get(argc > 1 ? (int *)argv : 0, 1000000); }
