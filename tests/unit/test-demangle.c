/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/demangle.c: each mangling, what stays as it is, and names made to break a demangler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/demangle.h"

#define LONGEST 1024u

static int set_up(void **state) {
	return arena_new(MIB(16), (struct arena **)state);
}

static int tear_down(void **state) {
	arena_free(*state);
	return 0;
}

static void check_table(void **state, const char *const (*table)[2], size_t n) {
	for (size_t i = 0; i < n; i++)
		assert_string_equal(demangle(*state, table[i][0]), table[i][1]);
}

static void test_cxx(void **state) {
	static const char *const names[][2] = {
		{ "_Z3foov", "foo()" },
		{ "_ZN3app6Widget3runERKSt6vectorIiSaIiEE",
		  "app::Widget::run(std::vector<int, std::allocator<int> > const&)" },
		{ "_ZNK3app6WidgetC1Ev", "app::Widget::Widget() const" },
		{ "_ZN12_GLOBAL__N_16hiddenEi", "(anonymous namespace)::hidden(int)" },
		{ "_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const" },
		{ "_ZSt4sortIPiEvT_S1_", "void std::sort<int*>(int*, int*)" },
	};
	check_table(state, names, ELEMENTSOF(names));
}

static void test_rust_legacy(void **state) {
	static const char *const names[][2] = {
		{ "_ZN4core9panicking5panic17h0123456789abcdefE", "core::panicking::panic" },
		{ "_ZN3app4main28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE", "app::main::{{closure}}" },
		{ "_ZN79_$LT$app..Thing$u20$as$u20$core..convert..From$LT$alloc..string..String$GT$$GT$"
		  "4from17h0123456789abcdefE",
		  "<app::Thing as core::convert::From<alloc::string::String>>::from" },
		{ "_ZN4core9panicking5panic17h0123456789abcdefE.llvm.1234567890", "core::panicking::panic" },
	};
	check_table(state, names, ELEMENTSOF(names));
}

static void test_rust_v0(void **state) {
	static const char *const names[][2] = {
		{ "_RNvC6_123foo3bar", "123foo::bar" },
		{ "_RNvCskwGfYPst2Cb_3foo16example_function", "foo::example_function" },
		{ "_RNCNvC5crate4main0B3_", "crate::main::{closure#0}" },
		{ "_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>" },
	};
	check_table(state, names, ELEMENTSOF(names));
}

static void test_others_stay(void **state) {
	static const char *const names[][2] = {
		{ "main", "main" },
		{ "__libc_start_main", "__libc_start_main" },
		{ "main.main", "main.main" },
		{ "runtime.(*mcache).nextFree", "runtime.(*mcache).nextFree" },
		{ "main.main.func1.2", "main.main.func1.2" },
		{ "", "" },
		{ "_Z", "_Z" },
		{ "_R", "_R" },
		{ "_ZN", "_ZN" },
		{ "_Zebra", "_Zebra" },
		{ "$s4main3fooyyF", "$s4main3fooyyF" },
	};
	check_table(state, names, ELEMENTSOF(names));
}

static void test_suffixes(void **state) {
	static const char *const names[][2] = {
		{ "memcpy@@GLIBC_2.14", "memcpy" },
		{ "memcpy@GLIBC_2.2.5", "memcpy" },
		{ "memcpy@plt", "memcpy@plt" },
		{ "_Z3foov@@LIB_1", "foo()" },
		{ "_Z3foov.cold", "foo()" },
		{ "_Z3foov.part.0", "foo()" },
		{ "_Z3foov.constprop.0.isra.0.cold", "foo()" },
		{ "do_it.part.0", "do_it" },
		{ "do_it.lto_priv.12", "do_it" },
		{ "do_it.llvm.9837465", "do_it" },
		{ ".cold", ".cold" },
		{ "x.part", "x.part" },
		{ "party.0", "party.0" },
	};
	check_table(state, names, ELEMENTSOF(names));
}

static void test_bytes_are_cleaned(void **state) {
	assert_string_equal(demangle(*state, "evil\033[31mname\n"), "evil?[31mname?");
	assert_string_equal(demangle(*state, "_Z4\033bad\nv"), "_Z4?bad?v");
	assert_string_equal(demangle(*state, "half\xc3"), "half\xef\xbf\xbd");
}

static void check_cut(const char *name) {
	size_t n = strlen(name);

	assert_true(n <= LONGEST);
	assert_string_equal(name + n - strlen("…"), "…");
}

static void test_long_names_are_cut(void **state) {
	static const size_t lengths[] = { 1025, 4095, 16 << 10, (16 << 10) + 1, 20 << 10, 1 << 20 };
	char *name = malloc((1 << 20) + 1);

	assert_non_null(name);
	for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
		memset(name, 'a', lengths[i]);
		name[lengths[i]] = 0;
		check_cut(demangle(*state, name));
		memcpy(name, "_ZN", 3);
		check_cut(demangle(*state, name));
		memcpy(name, "_RN", 3);
		check_cut(demangle(*state, name));
	}
	free(name);
	/* Exactly as long as allowed: nothing is cut. */
	name = malloc(LONGEST + 1);
	assert_non_null(name);
	memset(name, 'b', LONGEST);
	name[LONGEST] = 0;
	assert_string_equal(demangle(*state, name), name);
	free(name);
}

/* A real name over libiberty's own limit of 1 KiB: vector<vector<…<int>…>>. */
static void test_long_cxx_is_still_demangled(void **state) {
	char name[4096] = "_Z1f";
	const char *text;

	for (unsigned i = 0; i < 150; i++)
		strcat(name, "N1a1bI");
	strcat(name, "i");
	for (unsigned i = 0; i < 150; i++)
		strcat(name, "EE");
	assert_true(strlen(name) > 1024);
	text = demangle(*state, name);
	assert_true(str_has_prefix(text, "f(a::b<a::b<"));
	check_cut(text);
}

static char *repeat(const char *before, const char *part, size_t n, const char *after) {
	char *s = malloc(strlen(before) + strlen(part) * n + strlen(after) + 1), *p;

	assert_non_null(s);
	p = stpcpy(s, before);
	for (size_t i = 0; i < n; i++)
		p = stpcpy(p, part);
	strcpy(p, after);
	return s;
}

/* Depth: every level is one character. Breadth: each level doubles what came before. */
static void test_bombs(void **state) {
	static const struct {
		const char *before, *part;
		size_t n;
		const char *after;
	} bombs[] = {
		{ "_Z1f", "P", 16000, "i" },	{ "_Z1f", "P", 4000, "i" },	 { "_Z1f", "F", 4000, "i" },
		{ "_Z1f", "N1aI", 1000, "i" },	{ "_Z1f", "I", 8000, "" },	 { "_Z1fI", "J", 8000, "E" },
		{ "_ZN", "1aI", 1300, "" },	{ "_RNv", "Nv", 5000, "C1a1b" }, { "_R", "I", 8000, "" },
		{ "_RY", "T", 8000, "E" },	{ "_RIC1a", "R", 8000, "uE" },	 { "_RNvC1a1b", "S_", 5000, "" },
		{ "_Z1fT_", "S_", 4000, "" },	{ "_Z", "dl", 4000, "" },	 { "_ZL", "Z", 2000, "E" },
		{ "_Z1fDp", "Dp", 1900, "T_" },
	};

	for (size_t i = 0; i < ELEMENTSOF(bombs); i++) {
		char *name = repeat(bombs[i].before, bombs[i].part, bombs[i].n, bombs[i].after);
		const char *text = demangle(*state, name);

		assert_non_null(text);
		assert_true(strlen(text) <= LONGEST);
		free(name);
	}
}

/* f(a<int, int>, b<a, a>, b<b<a, a>, b<a, a>>, …): each says two of the one before; 2^34 parts, were it not stopped. */
static void test_exponential_text(void **state) {
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[1024] = "_Z1f1aIiiE1bIS0_S0_E";
	const char *text;

	for (const char *c = digits + 2; *c; c++) {
		char part[32];

		snprintf(part, sizeof(part), "S1_IS%c_S%c_E", *c, *c);
		strcat(name, part);
	}
	text = demangle(*state, name);
	assert_true(str_has_prefix(
		text, "f(a<int, int>, b<a<int, int>, a<int, int> >, b<b<a<int, int>, a<int, int> >, b<a<int, int>"));
	check_cut(text);
}

static void test_garbage(void **state) {
	uint32_t seed = 1;

	for (unsigned round = 0; round < 4000; round++) {
		static const char letters[] = "_ZRNvCIES0123456789abTKPFLJXDp$.uh\x80\xff";
		char name[200];
		size_t n = 0, length;
		const char *text;

		name[n++] = '_';
		name[n++] = round & 1 ? 'R' : 'Z';
		seed = seed * 1664525 + 1013904223;
		length = n + (seed >> 16) % (sizeof(name) - 3);
		while (n < length) {
			seed = seed * 1664525 + 1013904223;
			name[n++] = letters[(seed >> 16) % (sizeof(letters) - 1)];
		}
		name[n] = 0;
		text = demangle(*state, name);
		assert_non_null(text);
		assert_true(strlen(text) <= LONGEST);
	}
}

static void test_without_memory(void **state) {
	struct arena *tiny;

	(void)state;
	assert_int_equal(arena_new(0, &tiny), 0);
	assert_null(demangle(tiny, "_Z3foov"));
	arena_free(tiny);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_cxx),
		TEST(test_rust_legacy),
		TEST(test_rust_v0),
		TEST(test_others_stay),
		TEST(test_suffixes),
		TEST(test_bytes_are_cleaned),
		TEST(test_long_names_are_cut),
		TEST(test_long_cxx_is_still_demangled),
		TEST(test_bombs),
		TEST(test_exponential_text),
		TEST(test_garbage),
		TEST(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
