struct session { int id; int state; };
__attribute__((noinline)) int state_of(struct session *s) { return s->state; }
int main(void) { return state_of((struct session *)0xdeadbeefdeadbeefUL); }
