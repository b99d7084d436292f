__attribute__((noinline)) int dispatch(int (*f)(int)) { return f(3) + 1; }
int main(void) { return dispatch((int (*)(int))0x123456789000UL); }
