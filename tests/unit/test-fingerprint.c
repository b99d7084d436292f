/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* worker/fingerprint: the same bug has the same one, wherever it was loaded and however deep it went; another bug has another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "util/text.h"
#include "worker/fingerprint.h"

#define FRAMES_MAX 32

/* A crashed thread by the names of its functions, innermost first; NULL: no symbol. */
struct crash {
	struct core core;
	struct cw_thread thread;
	struct cw_fault fault;
	struct cw_module module;
	struct cw_frame frames[FRAMES_MAX], turn[FRAMES_MAX];
	struct cw_symbol symbols[2 * FRAMES_MAX];
};

static struct cw_frame make_frame(struct crash *c, size_t i, const char *name) {
	struct cw_symbol *s = &c->symbols[i];

	s->at.function = name;
	return (struct cw_frame){ .count = 1, .pc = c->module.bias + 0x1000 + i * 16, .module = &c->module, .symbol = name ? s : NULL, .trust = CW_TRUST_CFI };
}

static struct crash *crash_new(uint64_t bias, const char *const *names) {
	struct crash *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	assert_int_equal(arena_new(MIB(16), &c->core.arena), 0);
	c->module = (struct cw_module){ .path = "/usr/bin/program", .build_id = "0123456789abcdef", .bias = bias };
	c->fault.signal = (struct cw_signal){ .number = 11, .name = "SIGSEGV" };
	c->core.pub.fault = &c->fault;
	c->core.pub.crashed = &c->thread;
	c->core.pub.executable = "/usr/bin/program";
	c->thread.frames = c->frames;
	for (size_t i = 0; names && names[i]; i++) {
		c->frames[i] = make_frame(c, i, streq(names[i], "-") ? NULL : names[i]);
		c->frames[i].index = (uint32_t)i;
		c->thread.n_frames = i + 1;
	}
	return c;
}

static void crash_free(struct crash *c) {
	arena_free(c->core.arena);
	free(c);
}
DEFINE_CLEANUP(struct crash *, crash_free);
#define _cleanup_crash_ _cleanup_(crash_freep)
#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct fingerprint make(struct crash *c, const char *verdict) {
	struct fingerprint p;

	assert_int_equal(fingerprint_make(&c->core, verdict, NULL, &p), 0);
	assert_int_equal(strlen(p.id), 32);
	assert_int_equal(strlen(p.build), 32);
	assert_true(p.n_basis >= 1 && p.n_basis <= ELEMENTSOF(p.basis));
	return p;
}

static void check_equal(const char *const *a, const char *const *b, bool equal) {
	_cleanup_crash_ struct crash *x = crash_new(0x400000, a), *y = crash_new(0x400000, b);
	struct fingerprint p = make(x, "null-pointer"), q = make(y, "null-pointer");

	if (streq(p.id, q.id) == equal)
		return;
	for (size_t i = 0; i < MAX(p.n_basis, q.n_basis); i++)
		print_message("# %s | %s\n", i < p.n_basis ? p.basis[i] : "", i < q.n_basis ? q.basis[i] : "");
	fail_msg("the fingerprints should %s", equal ? "be equal" : "differ");
}

static void test_address_space(void **state) {
	_cleanup_crash_ struct crash *a = crash_new(0x555500000000, NAMES("f", "-", "main")), *b = crash_new(0x561234567000, NAMES("f", "-", "main"));
	struct fingerprint p = make(a, "x"), q = make(b, "x");

	(void)state;
	assert_string_equal(p.id, q.id);
	assert_string_equal(p.build, q.build);
	assert_string_equal(p.basis[1], "f");
	assert_string_equal(p.basis[2], "program+0x1010");
}

/* Another build has other offsets: the names keep id, and only that. */
static void test_builds(void **state) {
	_cleanup_crash_ struct crash *a = crash_new(0, NAMES("f", "main")), *b = crash_new(0, NAMES("f", "main"));
	struct fingerprint p, q;

	(void)state;
	b->module.build_id = "fedcba9876543210";
	b->frames[0].pc += 64;
	p = make(a, "x");
	q = make(b, "x");
	assert_string_equal(p.id, q.id);
	assert_string_not_equal(p.build, q.build);
}

static void test_verdicts(void **state) {
	_cleanup_crash_ struct crash *a = crash_new(0, NAMES("f", "main"));
	struct fingerprint p = make(a, "x"), q = make(a, "y"), r = make(a, NULL);

	(void)state;
	assert_string_not_equal(p.id, q.id);
	assert_string_not_equal(p.id, r.id);
	assert_string_equal(r.basis[0], "SIGSEGV");
}

static void test_functions(void **state) {
	(void)state;
	check_equal(NAMES("f", "g", "main"), NAMES("f", "g", "main"), true);
	check_equal(NAMES("f", "g", "main"), NAMES("f", "h", "main"), false);
	check_equal(NAMES("f", "g", "main"), NAMES("g", "f", "main"), false);
	/* Arguments, template arguments, and what lies below main are the same bug. */
	check_equal(NAMES("f(int)", "g<char>::h(std::string const&)", "main"), NAMES("f(long)", "g<std::vector<int>>::h()", "main"), true);
	check_equal(NAMES("ns::operator()(int)"), NAMES("ns::operator<<(int)"), false);
	check_equal(NAMES("operator<<(std::ostream&, A)"), NAMES("operator<(A, A)"), false);
	check_equal(NAMES("operator<<(std::ostream&, A)"), NAMES("operator<<(std::ostream&, B)"), true);
	check_equal(NAMES("(anonymous namespace)::f()"), NAMES("(anonymous namespace)::g()"), false);
	check_equal(NAMES("f", "main", "__libc_start_main", "_start"), NAMES("f", "main", "__libc_start_call_main", "__libc_start_main", "_start"), true);
	/* The way from the bug to the end, which differs with the C library's version. */
	check_equal(NAMES("raise", "abort", "f", "main"), NAMES("__pthread_kill_implementation", "raise", "abort", "f", "main"), true);
	check_equal(NAMES("__GI_raise", "__GI_abort", "__assert_fail_base", "__assert_fail", "f"), NAMES("raise", "abort", "__assert_fail", "f"), true);
	check_equal(NAMES("_int_free", "free", "f", "main"), NAMES("malloc_printerr", "_int_free", "free", "f", "main"), true);
	/* The machinery is skipped at the top only: below a function of the program's own it is part of its story. */
	check_equal(NAMES("f", "free", "g"), NAMES("f", "g"), false);
}

/* Functions of a program that only begin like the machinery's. */
static void test_like_machinery(void **state) {
	(void)state;
	check_equal(NAMES("free_nodes", "main"), NAMES("free_edges", "main"), false);
	check_equal(NAMES("kill_player", "main"), NAMES("kill_monster", "main"), false);
	check_equal(NAMES("raise_dead", "main"), NAMES("raise_taxes", "main"), false);
	check_equal(NAMES("malloc_pool_get", "main"), NAMES("malloc_pool_put", "main"), false);
	check_equal(NAMES("abort_transaction", "main"), NAMES("abort_upload", "main"), false);
	check_equal(NAMES("f", "clone_tree", "g"), NAMES("f", "clone_tree", "h"), false);
}

/* Rust: hashes differ from build to build. */
static void test_rust(void **state) {
	(void)state;
	check_equal(NAMES("core::panicking::panic_fmt", "app::parse", "app::main"), NAMES("rust_begin_unwind", "core::panicking::panic_fmt", "core::option::unwrap_failed", "app::parse", "app::main"), true);
	check_equal(NAMES("<app::A as app::T>::run"), NAMES("<app::B as app::T>::run"), false);
}

static void test_handlers(void **state) {
	_cleanup_crash_ struct crash *a = crash_new(0, NAMES("raise", "handler", "sig", "f", "main")), *b = crash_new(0, NAMES("f", "main"));

	(void)state;
	/* The fault is behind a handler: its frames say nothing. */
	a->frames[2].signal_frame = true;
	a->fault.frame_index = 3;
	assert_string_equal(make(a, "x").id, make(b, "x").id);
}

static void test_guesses(void **state) {
	_cleanup_crash_ struct crash *a = crash_new(0, NAMES("f", "guess", "main")), *b = crash_new(0, NAMES("f", "other", "start"));

	(void)state;
	a->frames[1].trust = b->frames[1].trust = CW_TRUST_SCAN;
	assert_string_equal(make(a, "x").id, make(b, "x").id);
	assert_int_equal(make(a, "x").n_basis, 3);
}

static void add_cycle(struct crash *c, const char *const *names) {
	struct cw_frame *item = &c->frames[1];
	size_t n = 0;

	for (; names[n]; n++)
		c->turn[n] = make_frame(c, FRAMES_MAX + n, names[n]);
	*item = c->turn[0];
	item->count = 5000;
	item->bytes = 64;
	if (n > 1) {
		item->cycle = c->turn;
		item->n_cycle = n;
	}
	c->thread.cycle = item;
}

/* A mutual recursion dies anywhere in its turn, in any leaf. */
static void test_cycles(void **state) {
	static const char *const turns[][4] = { { "a", "b", "c" }, { "b", "c", "a" }, { "c", "a", "b" }, { "a", "c", "b" }, { "a", "b" } };
	struct fingerprint first = {}, p;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(turns); i++) {
		_cleanup_crash_ struct crash *c = crash_new(0, NAMES(i & 1 ? "leaf" : "memset", "x", "main"));

		add_cycle(c, turns[i]);
		p = make(c, "stack-overflow");
		if (i == 0)
			first = p;
		assert_int_equal(streq(p.id, first.id), i < 3);
		assert_string_equal(p.basis[1], "a");
	}
}

static void test_cycle_of_one(void **state) {
	_cleanup_crash_ struct crash *a = crash_new(0, NAMES("leaf", "x", "main")), *b = crash_new(0, NAMES("other", "x", "start"));

	(void)state;
	add_cycle(a, NAMES("recurse"));
	add_cycle(b, NAMES("recurse"));
	assert_string_equal(make(a, "stack-overflow").id, make(b, "stack-overflow").id);
	/* Of another kind of crash the cycle is not the point. */
	assert_string_not_equal(make(a, "x").id, make(b, "x").id);
}

static void test_nothing_known(void **state) {
	_cleanup_crash_ struct crash *a = crash_new(0, NULL), *b = crash_new(0, NULL);

	(void)state;
	b->core.pub.executable = "/usr/bin/other";
	assert_string_not_equal(make(a, "x").id, make(b, "x").id);
	a->core.pub.executable = NULL;
	assert_string_equal(make(a, "x").basis[1], "?");
}

/* Functions of two programs may have the same names; the same program may lie elsewhere. */
static void test_programs(void **state) {
	_cleanup_crash_ struct crash *a = crash_new(0, NAMES("f", "main")), *b = crash_new(0, NAMES("f", "main"));

	(void)state;
	b->core.pub.executable = "/opt/program";
	assert_string_equal(make(a, "x").id, make(b, "x").id);
	b->core.pub.executable = "/usr/bin/other";
	assert_string_not_equal(make(a, "x").id, make(b, "x").id);
}

/* Two panics of one program differ by who panicked, however long the way from there to abort() is. */
static void test_panics(void **state) {
#define PANIC "raise", "abort", "__rustc::__rust_abort", "__rustc::__rust_start_panic", "__rustc::rust_panic", "std::panicking::panic_with_hook", \
	"std::panicking::panic_handler::{closure#0}", "std::sys::backtrace::__rust_end_short_backtrace", "__rustc::rust_begin_unwind", "core::panicking::panic_fmt"
	(void)state;
	check_equal(NAMES(PANIC, "app::parse", "app::main"), NAMES(PANIC, "app::render", "app::main"), false);
	check_equal(NAMES(PANIC, "core::option::unwrap_failed", "app::parse", "app::main"), NAMES(PANIC, "app::parse", "app::main"), true);
}

/* Libraries without names change their offsets with every update; string functions have a variant for each CPU. */
static void test_libraries(void **state) {
	_cleanup_crash_ struct crash *a = crash_new(0, NAMES("-", "f", "main", "-")), *b = crash_new(0, NAMES("-", "f", "main", "-"));
	struct cw_module libc = { .path = "/usr/lib/libc.so.6", .build_id = "aa" };

	(void)state;
	a->frames[0].module = a->frames[3].module = b->frames[0].module = b->frames[3].module = &libc;
	b->frames[0].pc += 0x40;
	b->frames[3].pc += 0x80;
	assert_string_equal(make(a, "x").id, make(b, "x").id);
	check_equal(NAMES("__memcpy_avx512_unaligned_erms", "f"), NAMES("__memcpy_sse2_unaligned", "f"), true);
	check_equal(NAMES("__strlen_evex", "f"), NAMES("__memcpy_evex_unaligned", "f"), false);
}

static void test_culprit(void **state) {
	_cleanup_crash_ struct crash *a = crash_new(0, NULL);
	struct fingerprint p, q;

	(void)state;
	assert_int_equal(fingerprint_make(&a->core, "panic", "main.settle", &p), 0);
	assert_int_equal(fingerprint_make(&a->core, "panic", "main.walk", &q), 0);
	assert_string_not_equal(p.id, q.id);
}

/* What is shown is cut at a character's border, wherever that falls. */
static void test_names_stay_text(void **state) {
	(void)state;
	for (size_t lead = 0; lead < 8; lead++) {
		char name[512] = "aaaaaaaa", clean[512];
		size_t n = lead;

		while (n + 4 < sizeof(name)) {
			memcpy(name + n, lead % 2 ? "\xf0\x9f\x92\xa9" : "\xef\xbf\xbd", lead % 2 ? 4 : 3);
			n += lead % 2 ? 4 : 3;
		}
		name[n] = 0;
		{
			_cleanup_crash_ struct crash *c = crash_new(0x400000, NAMES(name, "main"));
			struct fingerprint p = make(c, "null-pointer");

			for (size_t i = 0; i < p.n_basis; i++) {
				text_clean(p.basis[i], strlen(p.basis[i]), clean, sizeof(clean));
				assert_string_equal(p.basis[i], clean);
			}
		}
	}
}

static void test_long_names(void **state) {
	static char name[5000];
	const char *odd[] = { name, "<", ">", "(", "<<<<>", "operator<", "operator", "f<g<h", ">>>>", "(anonymous namespace)", "", NULL };
	_cleanup_crash_ struct crash *a = crash_new(0, NULL);

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	for (size_t i = 0; odd[i]; i++) {
		a->frames[0] = make_frame(a, 0, odd[i]);
		a->thread.n_frames = 1;
		(void)make(a, "x");
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_space), cmocka_unit_test(test_builds),   cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_functions),     cmocka_unit_test(test_like_machinery), cmocka_unit_test(test_rust),
		cmocka_unit_test(test_handlers),      cmocka_unit_test(test_guesses),  cmocka_unit_test(test_cycles),
		cmocka_unit_test(test_cycle_of_one),  cmocka_unit_test(test_nothing_known), cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_names_stay_text),
		cmocka_unit_test(test_programs),      cmocka_unit_test(test_panics),   cmocka_unit_test(test_libraries), cmocka_unit_test(test_culprit),
	};

	return cmocka_run_group_tests_name("fingerprint", tests, NULL, NULL);
}
