// SPDX-License-Identifier: LGPL-2.1-or-later
// Names and inlined chains of C++: each function of the stack has a name of another shape. The leaf writes to null.
#include <functional>
#include <memory>
#include <string>
#include <vector>

extern "C" int across(int (*call)(void *, int), void *data, int n);

#define KEEP __attribute__((noinline))
static volatile int *nowhere;
static volatile int sink;

namespace {
struct hidden {
	int value = 1;
	KEEP int poke(int n) const { *nowhere = n + value; return n; }
};
inline int shallow(const hidden &h, int n) { sink = n; return h.poke(n + 1) + sink; }
KEEP int unnamed_scope(int n) { return shallow(hidden(), n) + 1; }
}

inline namespace v2 {
namespace outer::inner {
template <typename T, int N> struct box {
	T items[N];
	template <typename U> KEEP T convert(U by) { sink = (int)by; return (T)(unnamed_scope((int)by) + items[0]); }
	KEEP T operator[](int i) { return convert<long>(i) + items[1]; }
	KEEP explicit operator bool() { return (*this)[N - 1] != 0; }
};
enum class color { red, green };
template <color C> KEEP int paint(int n) {
	box<short, 3> b = { { 1, 2, 3 } };
	return (b ? 1 : 2) + n;
}
}
}

struct animal {
	virtual ~animal() = default;
	virtual int speak(int n) = 0;
};
struct dog final : animal {
	struct tail {
		static KEEP int wag(int n) { return outer::inner::paint<outer::inner::color::green>(n) + 1; }
	};
	KEEP int speak(int n) override { return tail::wag(n) + 1; }
};

template <typename... A> KEEP int sum(A... a) {
	dog d;
	animal *any = &d;
	asm volatile("" : "+r"(any));
	return any->speak((a + ...)) + 1;
}

struct guard {
	int *result;
	KEEP guard(int *r) : result(r) { *result = sum(1, 2L, short(3)); }
	KEEP ~guard() { sink = *result; }
};

static KEEP int local_type(int n) {
	struct visitor {
		KEEP int operator()(int k) const { int r = 0; guard g(&r); return r + k; }
	};
	return visitor()(n) + 1;
}

static KEEP int by_default(const std::vector<std::string> &words, std::unique_ptr<int> &&p, int n = 3) {
	return local_type((int)words.size() + *p + n) + 1;
}

struct closure {
	int base;
	KEEP int run(int n) {
		auto nested = [this, n](auto k) {
			auto inner = [&] { return by_default({ "a", "b" }, std::make_unique<int>((int)k)) + base; };
			return inner() + n;
		};
		return nested(2L) + 1;
	}
};

static int trampoline(void *data, int n) { return (*static_cast<std::function<int(int)> *>(data))(n) + 1; }

int main() {
	closure c = { 4 };
	std::function<int(int)> f = [&c](int n) { return c.run(n) + 1; };
	return across(trampoline, &f, 5);
}
