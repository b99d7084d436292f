/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemon/triage.c: whose word counts that a crash was reported already, and which crashes are our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/triage.h"

#define SELF 990
#define OUR_UNIT "corewatch.service"

static void test_who_is_believed(void **state _unused_) {
	static const struct { uint32_t sender; const char *unit; bool owner_may_read, believed; } cases[] = {
		{ 0, "", false, true },
		{ 0, OUR_UNIT, true, true },
		{ SELF, "", false, true },
		{ 1001, OUR_UNIT, true, true },
		/* The owner's own word, from anywhere else: he must not be able to hide a crash from the administrator. */
		{ 1001, "", true, false },
		{ 1001, NULL, true, false },
		{ 1001, "user@1001.service", true, false },
		{ 1001, "corewatch.service.d", true, false },
		/* A set-uid program's report is sent as root: its caller must not be able to hide it. */
		{ 1001, OUR_UNIT, false, false },
		{ 1002, OUR_UNIT, true, false },
		{ 65534, "", true, false },
	};
	const struct triage_self self = { .uid = SELF, .unit = OUR_UNIT }, no_unit = { .uid = SELF };

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		const struct triage_key key = { .uid = 1001, .owner_may_read = cases[i].owner_may_read };

		assert_int_equal(triage_believes(cases[i].sender, cases[i].unit, &self, &key), cases[i].believed);
	}
	/* A daemon that runs in no unit (tests) cannot ask for it. */
	assert_true(triage_believes(1001, "", &no_unit, &(struct triage_key){ .uid = 1001, .owner_may_read = true }));
	assert_false(triage_believes(1002, "", &no_unit, &(struct triage_key){ .uid = 1001, .owner_may_read = true }));
}

static void test_own_crashes(void **state _unused_) {
	static const struct { const char *unit, *user_unit; bool own;
	} cases[] = {
		{ "corewatch.service", NULL, true },
		{ "corewatch@1.service", NULL, true },
		{ "corewatch-other.service", NULL, false },
		{ "user@1.service", "corewatch.service", false },
		{ "corewatch.service", "x.service", false },
		{ "sshd.service", NULL, false },
		{ NULL, NULL, false },
	};
	_cleanup_(triage_freep) struct triage_context *context = NULL;

	/* No journal there: searching it fails, which means "not reported". */
	assert_int_equal(triage_new("/nonexistent", &(struct triage_self){ .uid = SELF }, &context), 0);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_(entry_freep) struct entry *entry = NULL;
		struct crash crash = { .id = "0", .uid = 1001 };

		assert_int_equal(entry_new("s=1", &entry), 0);
		if (cases[i].unit)
			assert_int_equal(entry_add(entry, FIELD_COREDUMP_UNIT, cases[i].unit, strlen(cases[i].unit)),
			                 0);
		if (cases[i].user_unit)
			assert_int_equal(entry_add(entry, FIELD_COREDUMP_USER_UNIT, cases[i].user_unit,
			                           strlen(cases[i].user_unit)),
			                 0);
		crash.entry = entry;
		assert_int_equal(triage_crash(context, &crash), cases[i].own ? TRIAGE_OWN : TRIAGE_ANALYSE);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_believed),
		cmocka_unit_test(test_own_crashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
