struct Shape { Shape() { measure(); } void measure() { area(); } virtual double area() = 0; virtual ~Shape() {} };
struct Circle : Shape { double area() override { return 3; } };
int main() { Circle c; return 0; }
