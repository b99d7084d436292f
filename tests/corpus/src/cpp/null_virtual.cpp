struct Widget { virtual int draw() { return 1; } virtual ~Widget() {} int x = 0; };
__attribute__((noinline)) int paint(Widget *widget) { return widget->draw() + 1; }
int main(int argc, char **) { return paint(argc > 1 ? new Widget : nullptr); }
