/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* util/library: what is there, what is not, and a library that is not what it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "util/library.h"

static void test_there(void **state) {
	static typeof(strlen) *length;
	static const struct library_function functions[] = { { "strlen", &length } };
	struct library library = LIBRARY("libc.so.6", functions);

	(void)state;
	assert_int_equal(library_load(&library), 0);
	assert_int_equal(length("four"), 4);
	assert_int_equal(library_load(&library), 0);
}

static void test_not_there(void **state) {
	static typeof(strlen) *length;
	static const struct library_function functions[] = { { "strlen", &length } };
	struct library library = LIBRARY("libnothing-of-that-name.so.1", functions);

	(void)state;
	assert_int_equal(library_load(&library), -ENOPKG);
	assert_int_equal(library_load(&library), -ENOPKG);
	assert_null(length);
}

static void test_lacks_function(void **state) {
	static typeof(strlen) *length, *other;
	static const struct library_function functions[] = { { "strlen", &length }, { "no_function_of_that_name", &other } };
	struct library library = LIBRARY("libc.so.6", functions);

	(void)state;
	assert_int_equal(library_load(&library), -ENOPKG);
	assert_null(other);
}

/* Those that the worker was built for are here, where it was built. */
static void test_of_the_build(void **state) {
	static const char *const names[] = {
		ZSTD_SONAME, LZ4_SONAME, DEFLATE_SONAME, CAPSTONE_SONAME, SECCOMP_SONAME,
#if HAVE_ISAL
		ISAL_SONAME,
#endif
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		struct library library = { .soname = names[i], .result = 1 };

		assert_int_equal(library_load(&library), 0);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_lacks_function),
		cmocka_unit_test(test_of_the_build),
	};

	return cmocka_run_group_tests_name("library", tests, NULL, NULL);
}
