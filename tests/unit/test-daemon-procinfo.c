/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemon/procinfo.c: limits, ids and ACLs as the kernel writes them, and as a forger would. */
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/procinfo.h"

#define LIMITS(stack)                                                                                \
	"Limit                     Soft Limit           Hard Limit           Units     \n"          \
	"Max cpu time              unlimited            unlimited            seconds   \n"          \
	"Max stack size            " stack "              unlimited            bytes     \n"        \
	"Max core file size        0                    unlimited            bytes     \n"

static void test_stack_limit(void **state _unused_) {
	static const struct { const char *text; int r; uint64_t bytes; } cases[] = {
		{ LIMITS("8388608"), 0, 8388608 },
		{ LIMITS("unlimited"), 0, UINT64_MAX },
		{ LIMITS("0"), 0, 0 },
		{ "Max stack size            65536", 0, 65536 }, /* cut by systemd-coredump */
		{ LIMITS("-1"), -EINVAL, 0 },
		{ LIMITS("8388608x"), -EINVAL, 0 },
		{ LIMITS("18446744073709551616"), -ERANGE, 0 },
		{ LIMITS("1000000000000000000000000000000000000000"), -ENODATA, 0 },
		{ "Max stack size            ", -ENODATA, 0 },
		{ "Max stack size            \n8388608", -ENODATA, 0 },
		{ "xMax stack size           8388608", -ENODATA, 0 },
		{ "", -ENODATA, 0 },
		{ "...", -ENODATA, 0 },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		uint64_t bytes = 0;

		assert_int_equal(limits_stack_size(cases[i].text, &bytes), cases[i].r);
		assert_int_equal(bytes, cases[i].bytes);
		assert_int_equal(limits_address_space(cases[i].text, &bytes), -ENODATA);
	}
}

static void test_address_space(void **state _unused_) {
	uint64_t bytes = 0;

	assert_int_equal(limits_address_space("Max locked memory         8388608              8388608              bytes     \n"
	                                      "Max address space         268435456            unlimited            bytes     \n", &bytes), 0);
	assert_int_equal(bytes, 268435456);
	assert_int_equal(limits_address_space("Max address space         unlimited            unlimited            bytes     \n", &bytes), 0);
	assert_int_equal(bytes, UINT64_MAX);
}

static void test_ids(void **state _unused_) {
	static const struct { const char *text; bool equal; } cases[] = {
		{ "Name:\tx\nUid:\t7\t7\t7\t7\nGid:\t8\t8\t8\t8\nFDSize:\t64\n", true },
		{ "Uid:\t7\t0\t7\t7\nGid:\t8\t8\t8\t8\n", false },
		{ "Uid:\t7\t7\t7\t7\nGid:\t8\t8\t8\t9\n", false },
		{ "Uid:\t7\t7\t7\nGid:\t8\t8\t8\t8\n", false },
		{ "Uid:\t7\t7\t7\t7\n", false },
		{ "Name:\tUid:\t7\t7\t7\t7\nGid:\t8\t8\t8\t8\n", false },
		{ "Uid:\t07x\t7\t7\t7\nGid:\t8\t8\t8\t8\n", false },
		{ "", false },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		assert_int_equal(status_ids_are(cases[i].text, 7, 8), cases[i].equal);
}

static void test_acl(void **state _unused_) {
	struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entries[4];
	} acl = { { POSIX_ACL_XATTR_VERSION },
		  { { ACL_USER_OBJ, 6, ACL_UNDEFINED_ID },
		    { ACL_USER, 4, 1001 },
		    { ACL_MASK, 4, ACL_UNDEFINED_ID },
		    { ACL_OTHER, 4, ACL_UNDEFINED_ID } } };

	assert_true(acl_lets_user_read(&acl, sizeof(acl), 1001));
	/* Others' rights are not the owner's grant. */
	assert_false(acl_lets_user_read(&acl, sizeof(acl), 1002));
	assert_false(acl_lets_user_read(&acl, sizeof(acl) - 1, 1001));
	assert_false(acl_lets_user_read(&acl, 0, 1001));
	assert_false(acl_lets_user_read(&acl, 3, 1001));
	assert_false(acl_lets_user_read(&acl, sizeof(acl.header), 1001));
	acl.entries[2].e_perm = 3;
	assert_false(acl_lets_user_read(&acl, sizeof(acl), 1001));
	acl.entries[2].e_perm = 4;
	acl.entries[1].e_perm = 3;
	assert_false(acl_lets_user_read(&acl, sizeof(acl), 1001));
	acl.entries[1].e_perm = 4;
	acl.entries[1].e_tag = ACL_GROUP;
	assert_false(acl_lets_user_read(&acl, sizeof(acl), 1001));
	acl.entries[1].e_tag = ACL_USER;
	acl.header.a_version = 1;
	assert_false(acl_lets_user_read(&acl, sizeof(acl), 1001));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stack_limit),
		cmocka_unit_test(test_address_space),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_acl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
