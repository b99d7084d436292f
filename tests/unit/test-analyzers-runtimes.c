/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The analyzers of C++ exceptions, of Rust's and Go's panics and of sanitizers: what they make of frames and memory,
 * and what must not be believed. What cores of real programs hold is tested with the corpus.
 */
#include "fake-host.h"

#define DECLARE(name) extern const struct cw_analyzer cw_builtin_##name
DECLARE(abort_message);
DECLARE(sanitizer);
DECLARE(go_runtime);
DECLARE(rust_panic);
DECLARE(cxx_exception);

static void test_sent_by_another(void **state) {
	static const struct cw_analyzer *const all[] = { &cw_builtin_abort_message, &cw_builtin_sanitizer,
		&cw_builtin_go_runtime, &cw_builtin_rust_panic, &cw_builtin_cxx_exception };

	(void)state;
	fault.signal.sender_pid = 1;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_false(all[i]->applies(&core));
}

/* ── cxx-exception ── */

#define OBJECT (HEAP + 0x1000)

static void throw_scene(const char *mangled) {
	stack("+abort", "+?", "+std::terminate()", "+__cxa_throw", "check_port(int)", "main", NULL);
	put(STACK + 2 * FRAME + 16, OBJECT - 32);
	put(OBJECT - 32, 0x474e5543432b2b00);
	put(OBJECT - 112, DATA + 0x100);
	put(DATA + 0x100, CONST + 0x800);
	put(DATA + 0x108, CONST + 0x900);
	put_text(CONST + 0x900, mangled);
	put(OBJECT + 8, HEAP + 0x2018);
	put(HEAP + 0x2000, 9); /* length, capacity, count */
	put(HEAP + 0x2008, 9);
	put_text(HEAP + 0x2018, "bad range");
}

static void test_exception(void **state) {
	(void)state;
	throw_scene("St13runtime_error");
	run(&cw_builtin_cxx_exception);
	check("uncaught-exception", CW_CERTAIN);
	has_fact("type=std::runtime_error;what=bad range;");
	has_fact("culprit=check_port;");
	/* Longer than its capacity: no such string. */
	put(HEAP + 0x2000, 10);
	run(&cw_builtin_cxx_exception);
	has_fact("type=std::runtime_error;what=null;");
	/* Another class of exception: nothing is said about it. */
	put(OBJECT - 32, 0x474e5543432b2b07);
	run(&cw_builtin_cxx_exception);
	check("uncaught-exception", CW_CERTAIN);
	has_fact("type=null;what=null;");
}

static void test_two_exceptions(void **state) {
	(void)state;
	throw_scene("St13runtime_error");
	put(OBJECT + 0x400 - 32, 0x474e5543432b2b00);
	put(OBJECT + 0x400 - 112, DATA + 0x100);
	put(STACK + 2 * FRAME + 32, OBJECT + 0x400);
	run(&cw_builtin_cxx_exception);
	has_fact("type=null;");
}

static void test_derived(void **state) {
	(void)state;
	throw_scene("N2db11query_errorE");
	variable("_ZTVN10__cxxabiv120__si_class_type_infoE", CONST + 0x800 - 16);
	put(DATA + 0x110, DATA + 0x200);
	put(DATA + 0x200, CONST + 0x800);
	put(DATA + 0x208, CONST + 0xa00);
	put_text(CONST + 0xa00, "St11logic_error");
	run(&cw_builtin_cxx_exception);
	has_fact("type=db::query_error;what=bad range;");
	/* A type that is its own base. */
	put(DATA + 0x110, DATA + 0x100);
	run(&cw_builtin_cxx_exception);
	has_fact("type=db::query_error;what=null;");
}

static void test_type_names(void **state) {
	static const char *const names[][2] = {
		{ "i", "int" },
		{ "PKc", "const char*" },
		{ "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE", "std::string" },
		{ "3FooIiE", "Foo<…>" },
		{ "N12_GLOBAL__N_13BadE", "(anonymous namespace)::Bad" },
		/* not understood, or broken */
		{ "N99999999999foo", NULL },
		{ "N3fooI", NULL },
		{ "4abc", NULL },
		{ "PPPPPPPPPPPPPPPPPPPPPPPPPi", NULL },
		{ "N", NULL },
		{ "3FooILi3EE", NULL },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setup(state);
		throw_scene(names[i][0]);
		run(&cw_builtin_cxx_exception);
		has_fact(cw_format(NULL, "type=%s;", names[i][1] ? names[i][1] : names[i][0]));
	}
}

static void test_terminate(void **state) {
	(void)state;
	stack("+abort", "+std::terminate()", "std::thread::~thread()", "start", "main", NULL);
	run(&cw_builtin_cxx_exception);
	check("terminate", CW_CERTAIN);
	has_fact("kind=joinable-thread;");
	setup(state);
	stack("+abort", "+__cxa_pure_virtual", "Base::init()", "main", NULL);
	run(&cw_builtin_cxx_exception);
	check("pure-virtual-call", CW_CERTAIN);
	setup(state);
	stack("+abort", "+?", "+__gxx_personality_v0", "+_Unwind_RaiseException", "+__cxa_throw", "parse()", "load()",
	    "main", NULL);
	run(&cw_builtin_cxx_exception);
	check("uncaught-exception", CW_CERTAIN);
	has_fact("kind=noexcept;culprit=parse;");
	/* Cleaned up and left already: not that function is noexcept, but one further out. */
	setup(state);
	stack("+abort", "+?", "+__gxx_personality_v0", "+?", "+_Unwind_Resume", "File::~File()", "parse()", "main", NULL);
	run(&cw_builtin_cxx_exception);
	assert_non_null(strstr(finding.summary, "left File::~File()"));
	/* Nothing to throw again; where the heap is not in the core, nobody knows. */
	setup(state);
	stack("+abort", "+std::terminate()", "+__cxa_rethrow", "retry()", "main", NULL);
	run(&cw_builtin_cxx_exception);
	check("terminate", CW_LIKELY);
	has_fact("kind=rethrow-without-exception;culprit=retry;");
	/* An operator keeps its sign. */
	setup(state);
	stack("+abort", "+std::terminate()", "+__cxa_throw", "std::ostream& ns::operator<< <int>(std::ostream&, T<int> const&)", "main", NULL);
	run(&cw_builtin_cxx_exception);
	has_fact("culprit=ns::operator<<;");
	/* The program's own terminate handler aborts for a reason of its own. */
	setup(state);
	stack("+abort", "my_handler", "+std::terminate()", "+__cxa_throw", "f", NULL);
	run(&cw_builtin_cxx_exception);
	assert_int_equal(n_findings, 0);
}

/* ── rust-panic, go-runtime, sanitizer ── */

static void panic_scene(void) {
	stack("+abort", "__rustc::rust_panic", "std::panicking::panic_with_hook",
	    "std::panicking::panic_handler::{closure#0}", "core::panicking::panic_fmt", "core::option::unwrap_failed",
	    "app::admin", "app::main", NULL);
	put_text(CONST + 0x10, "src/main.rs");
	put(CONST + 0x40, CONST + 0x10);
	put(CONST + 0x48, 11);
	put(CONST + 0x50, 7 | UINT64_C(30) << 32); /* line 7, column 30 */
	put(STACK + 4 * FRAME + 40, CONST + 0x40);
	put_text(CONST + 0x80, "called on None");
	put(STACK + 3 * FRAME + 8, CONST + 0x80);
	put(STACK + 3 * FRAME + 16, 14);
}

static void test_panic(void **state) {
	(void)state;
	panic_scene();
	run(&cw_builtin_rust_panic);
	check("panic", CW_CERTAIN);
	has_fact("runtime=rust;message=called on None;kind=unwrap-none;");
	has_fact("culprit=app::admin;");
	has_fact("file=src/main.rs;line=7;column=30;");
	/* No source file, no plausible line, no text: none is believed. */
	put(CONST + 0x48, 10);
	put(STACK + 3 * FRAME + 16, 14000);
	run(&cw_builtin_rust_panic);
	check("panic", CW_CERTAIN);
	has_fact("message=null;");
	assert_null(strstr(finding.facts, "line="));
}

static void test_panic_hook(void **state) {
	(void)state;
	stack("+abort", "std::process::abort", "app::hook", "std::panicking::panic_with_hook",
	    "core::panicking::panic_fmt", "app::serve", NULL);
	run(&cw_builtin_rust_panic);
	check("panic", CW_LIKELY);
	has_fact("culprit=app::serve;");
	setup(state);
	stack("+abort", "std::process::abort", "std::alloc::rust_oom", "alloc::alloc::handle_alloc_error", "app::grow",
	    NULL);
	run(&cw_builtin_rust_panic);
	check("allocation-failure", CW_CERTAIN);
	has_fact("culprit=app::grow;");
	setup(state);
	stack("+abort", "std::process::abort", "app::fatal", NULL);
	run(&cw_builtin_rust_panic);
	assert_int_equal(n_findings, 0);
}

/* What RLIMIT_AS leaves is told where it is known and explains something. The mappings here have 0x50000 bytes. */
static void test_address_space(void **state) {
	static const struct { uint64_t limit; const char *evidence; } cases[] = {
		{ 0x60000, "RLIMIT_AS is 393 216 bytes, and the 5 mappings of the core are 327 680 bytes: no allocation of more than 65 536 bytes" },
		{ 0x50000, "of more than 0 bytes" },
		{ 0x4ffff, NULL }, /* lowered by somebody since */
		{ 0, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(state);
		stack("+abort", "std::process::abort", "std::alloc::rust_oom", "alloc::alloc::handle_alloc_error", "app::grow", NULL);
		core.address_space_limit = cases[i].limit;
		run(&cw_builtin_rust_panic);
		check("allocation-failure", CW_CERTAIN);
		if (cases[i].evidence)
			assert_non_null(strstr(finding.evidence, cases[i].evidence));
		else
			assert_null(strstr(finding.evidence, "RLIMIT_AS"));
		assert_int_equal(strstr(finding.facts, "limit=RLIMIT_AS;") != NULL, cases[i].evidence != NULL);
	}
}

static void test_go(void **state) {
	(void)state;
	stack("runtime.raise", "runtime.dieFromSignal", "runtime.fatalpanic", "runtime.gopanic",
	    "main.(*Ledger).settle", "main.main", NULL);
	run(&cw_builtin_go_runtime);
	check("panic", CW_CERTAIN);
	has_fact("message=null;culprit=main.(*Ledger).settle;");
	setup(state);
	stack("runtime.raise", "runtime.fatalthrow", "runtime.throw", "runtime.mapassign", "main.work", NULL);
	put_text(CONST, "concurrent map writes");
	put(STACK + 2 * FRAME + 8, CONST);
	put(STACK + 2 * FRAME + 16, 21);
	run(&cw_builtin_go_runtime);
	check("runtime-fatal-error", CW_CERTAIN);
	has_fact("message=concurrent map writes;culprit=main.work;");
	/* What lies behind a change of stacks did not call. */
	setup(state);
	stack("runtime.raise", "runtime.throw", "runtime.newstack", "runtime.morestack", "main.left_over", NULL);
	run(&cw_builtin_go_runtime);
	has_fact("culprit=null;");
}

/* SIGQUIT from another process, which the runtime answers with a traceback and SIGABRT. */
static void test_go_asked(void **state) {
	(void)state;
	stack("runtime.raise", "runtime.dieFromSignal", "runtime.sighandler", "runtime.sigtramp", "runtime.sigreturn", "runtime.futex", NULL);
	frames[4].signal_frame = true;
	put(frames[3].cfa + 304, SIGQUIT);
	put(frames[3].cfa + 320, 55);
	run(&cw_builtin_go_runtime);
	check("killed-by-signal", CW_CERTAIN);
	has_fact("sender_pid=55;");
	/* The runtime's own, to reach every thread. */
	put(frames[3].cfa + 320, 100);
	run(&cw_builtin_go_runtime);
	assert_int_equal(n_findings, 0);
}

static void test_sanitizer(void **state) {
	(void)state;
	stack("+abort", "__sanitizer::Die()", "__asan::ReportGenericError(unsigned long)", "use(int*)", "main", NULL);
	put_text(HEAP,
	    "=====\n==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x603 at pc 0x1\nREAD of size 4");
	put(STACK + FRAME + 8, HEAP);
	run(&cw_builtin_sanitizer);
	check("sanitizer-report", CW_CERTAIN);
	has_fact(
	    "runtime=asan;message=ERROR: AddressSanitizer: heap-use-after-free on address 0x603 at pc 0x1;kind=heap-use-after-free;culprit=use;");
	setup(state);
	stack("+abort", "__sanitizer::Die()", "__ubsan_handle_shift_out_of_bounds_abort", "shift", NULL);
	run(&cw_builtin_sanitizer);
	check("sanitizer-report", CW_CERTAIN);
	has_fact("runtime=ubsan;message=null;kind=shift-out-of-bounds;");
	/* abort() in a callback that the sanitizer's interceptor made is the program's own. */
	setup(state);
	stack("+abort", "compare", "__asan::wrap_qsort", "sort", NULL);
	run(&cw_builtin_sanitizer);
	assert_int_equal(n_findings, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_sent_by_another),
		TEST(test_exception),
		TEST(test_two_exceptions),
		TEST(test_derived),
		TEST(test_type_names),
		TEST(test_terminate),
		TEST(test_panic),
		TEST(test_panic_hook),
		TEST(test_address_space), TEST(test_go),
		TEST(test_go_asked),
		TEST(test_sanitizer),
	};

	return cmocka_run_group_tests_name("analyzers-runtimes", tests, NULL, NULL);
}
