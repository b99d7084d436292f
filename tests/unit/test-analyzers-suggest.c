/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* analyzers/stack-overflow-suggest.c: advice of an overflow, in the program's language, with figures of this crash and no others. */
#include "fake-host.h"

#include "stack-overflow.h"

static struct cw_function_use uses[3];
static struct overflow overflow;
static struct overflow_story story;

/* render() has most of a thread's stack of 2 MiB; its own module has 2 000 000 bytes of it. */
static void scene(const char *language, int optimized) {
	stack("render", "+memcpy", "main", NULL);
	thread.is_main = false;
	thread.name = "worker";
	thread.stack = (struct cw_stack){ .kind = CW_STACK_PTHREAD, .has_bounds = true, .low = STACK, .high = STACK + 0x200000 };
	uses[0] = (struct cw_function_use){ .function = "render", .module = &program, .bytes = 1500000 };
	uses[1] = (struct cw_function_use){ .function = "main", .module = &program, .bytes = 500000 };
	uses[2] = (struct cw_function_use){ .function = "memcpy", .module = &libc, .bytes = 90000 };
	thread.functions = uses;
	thread.n_functions = 3;
	overflow = (struct overflow){ .stack_bytes = 0x200000, .used_bytes = 0x200000 };
	story = (struct overflow_story){ .kind = OVERFLOW_LARGE_FRAME, .culprit = "render", .where = "render()", .culprit_frame = &frames[0],
		                         .culprit_bytes = 1500000, .accounted = 2090000, .language = language, .optimized = optimized };
}

static const char *suggestions(void) {
	finding = (struct cw_finding){ 0 };
	overflow_suggest(&core, &overflow, &story, &finding);
	return finding.suggestions;
}

static void test_debug_build(void **state) {
	(void)state;
	scene("C", 0);
	assert_non_null(strstr(suggestions(), "optimise [-Og]: "));
	assert_non_null(strstr(finding.suggestions, " 2 000 000 of the 2 090 000 bytes of frames "));
	/* How much smaller frames become was not measured. */
	assert_null(strstr(finding.suggestions, "times as"));
	story.language = "Rust";
	assert_non_null(strstr(suggestions(), "optimise [CARGO_PROFILE_DEV_OPT_LEVEL=1 cargo build]: "));
}

/* Optimised code, code of which it is not known, recursion that ends nowhere, and a culprit that is not known. */
static void test_no_debug_build(void **state) {
	(void)state;
	scene("C", 1);
	assert_null(strstr(suggestions(), "optimise"));
	story.optimized = -1;
	assert_null(strstr(suggestions(), "optimise"));
	story.optimized = 0;
	story.kind = OVERFLOW_RECURSION;
	assert_null(strstr(suggestions(), "optimise"));
	story.kind = OVERFLOW_DEEP_CHAIN;
	story.culprit_frame = NULL;
	assert_null(strstr(suggestions(), "optimise"));
}

/* Where a stack's size is set, in the words of whoever made the thread. */
static void test_size(void **state) {
	static const struct {
		const char *language, *name, *wanted, *unwanted;
	} cases[] = {
		{ "C", "worker", "[pthread_attr_setstacksize(&attr, 8 << 20)]", "RUST_MIN_STACK" },
		{ "Rust", "worker", "[std::thread::Builder::new().stack_size(8 << 20)]", "tokio" },
		{ "Rust", "tokio-runtime-w", "[tokio::runtime::Builder::new_multi_thread().thread_stack_size(8 << 20)]", "pthread" },
		{ "Rust", "worker", "[RUST_MIN_STACK=8388608]", "ulimit" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(state);
		scene(cases[i].language, 1);
		thread.name = cases[i].name;
		if (!strstr(suggestions(), cases[i].wanted) || strstr(finding.suggestions, cases[i].unwanted))
			fail_msg("%s", finding.suggestions);
	}
	thread.stack.kind = CW_STACK_MAIN;
	assert_non_null(strstr(suggestions(), "[ulimit -s 8192]"));
	assert_non_null(strstr(finding.suggestions, "[LimitSTACK=8M]"));
	/* A main stack that was blocked is not helped by a higher limit. */
	overflow.blocked = true;
	assert_null(strstr(suggestions(), "ulimit"));
	assert_non_null(strstr(finding.suggestions, "free-the-stack"));
}

/* Only where the kernel had no room for the signal of a handler that is installed. */
static void test_alternate_stack(void **state) {
	(void)state;
	scene("C", 1);
	assert_null(strstr(suggestions(), "sigaltstack"));
	fault.cause = CW_CAUSE_SIGNAL_UNDELIVERABLE;
	assert_non_null(strstr(suggestions(), "alternate-stack []: "));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_debug_build), TEST(test_no_debug_build), TEST(test_size), TEST(test_alternate_stack),
	};

	return cmocka_run_group_tests_name("analyzers-suggest", tests, NULL, NULL);
}
