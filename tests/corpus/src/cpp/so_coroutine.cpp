#include <coroutine>
#include <cstdlib>
struct task {
	struct promise_type {
		std::coroutine_handle<> waiter;
		task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
		std::suspend_always initial_suspend() { return {}; }
		struct fin { bool await_ready() noexcept { return false; } void await_suspend(std::coroutine_handle<promise_type> h) noexcept { if (h.promise().waiter) h.promise().waiter.resume(); } void await_resume() noexcept {} };
		fin final_suspend() noexcept { return {}; }
		void return_void() {}
		void unhandled_exception() { std::abort(); }
	};
	std::coroutine_handle<promise_type> h;
	bool await_ready() { return false; }
	void await_suspend(std::coroutine_handle<> w) { h.promise().waiter = w; h.resume(); }
	void await_resume() {}
};
static long steps;
task fetch_page(int n) { steps++; co_await fetch_page(n + 1); }
int main() { auto t = fetch_page(0); t.h.resume(); return steps; }
