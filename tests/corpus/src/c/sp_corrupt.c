__attribute__((noinline)) void switch_stack(unsigned long sp) { __asm__ volatile("mov %0, %%rsp\n\tpush %%rax\n\tpush %%rbx" : : "r"(sp) : "memory"); }
int main(void) { switch_stack(0x1234567000UL); return 0; }
