/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `corewatchctl analyze` learns from a core file's name. */
#include <setjmp.h>
#include <stdarg.h>

#include "cli/corefile.h"

#include <cmocka.h>

#define BOOT "f579c8df93614d46868dc4e78a94e974"

static void test_good(void **state _unused_) {
	static const struct {
		const char *name, *command;
		uint32_t uid;
		int32_t pid;
		uint64_t usec;
	} cases[] = {
		{ "core.bash.0." BOOT ".7813.1795348698000000.zst", "bash", 0, 7813, UINT64_C(1795348698000000) },
		{ "core.bash.1000." BOOT ".7813.1795348698000000", "bash", 1000, 7813, UINT64_C(1795348698000000) },
		{ "core.a\\x2eb\\x20c.1." BOOT ".1.0.lz4", "a.b c", 1, 1, 0 },
		{ "core.x\\xzz\\x2.1." BOOT ".1.5.xz", "x\\xzz\\x2", 1, 1, 5 },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct corefile core = {};

		assert_true(corefile_parse_name(cases[i].name, &core));
		assert_string_equal(core.input.command, cases[i].command);
		assert_string_equal(core.input.boot_id, BOOT);
		assert_true(core.input.has_uid && core.input.has_time);
		assert_int_equal(core.input.uid, cases[i].uid);
		assert_int_equal(core.input.pid, cases[i].pid);
		assert_int_equal(core.input.time_usec, cases[i].usec);
	}
}

static void test_bad(void **state _unused_) {
	static const char *const names[] = {
		"",
		"core",
		"core.1234",
		"core.bash.0",
		"core.bash.0." BOOT ".7813",
		"core.bash.0." BOOT ".7813.",
		"score.bash.0." BOOT ".7813.1",
		"core.bash.-1." BOOT ".7813.1",
		"core.bash.4294967295." BOOT ".7813.1",
		"core.bash.0." BOOT ".0.1",
		"core.bash.0." BOOT "0.7813.1",
		"core.bash.0.F579c8df93614d46868dc4e78a94e974.7813.1",
		"core.bash.0." BOOT ".7813.1.gz",
		"core.bash.0." BOOT ".7813.1x",
		"core.bash.0." BOOT ".7813.1.zst.zst",
		"core..0." BOOT ".7813.1",
		"core.bash.0." BOOT ".7813.99999999999999999999",
	};

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		struct corefile core = {};

		if (corefile_parse_name(names[i], &core))
			fail_msg("'%s' was taken for a name of systemd-coredump's", names[i]);
		assert_false(core.input.has_uid || core.input.has_time || core.input.pid || core.input.command);
	}
}

int main(void) {
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_good), cmocka_unit_test(test_bad) };

	return cmocka_run_group_tests_name("cli-corefile", tests, NULL, NULL);
}
