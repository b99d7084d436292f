volatile unsigned buckets;
__attribute__((noinline)) unsigned slot(unsigned hash) { return hash % buckets; }
int main(int argc, char **argv) { return slot(argc * 77); }
