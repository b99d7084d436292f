/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon/admit.c: every way to lie in a journal entry that we know of, one test each, beside the entries that must
 * pass.
 */
#include "admit-fixture.h"

/* ── what must pass ── */

static void test_genuine_user_crash(void **state) {
	struct fixture *f = *state;
	char text[32];

	make_core(f);
	grant(f, 4242, 4, 4);
	passes(f);
	assert_int_equal(f->crash->uid, 4242);
	assert_int_equal(f->crash->pid, 77);
	assert_int_equal(f->crash->signal, 11);
	assert_int_equal(f->crash->core_state, CORE_PRESENT);
	assert_int_equal(f->crash->core_bytes, strlen(CORE_TEXT));
	assert_true(f->crash->owner_may_read);
	assert_int_equal(read(f->crash->core_fd, text, sizeof(text)), strlen(CORE_TEXT));
	assert_true(is_hex(f->crash->id, 32));
}

static void test_genuine_system_crash(void **state) {
	struct fixture *f = *state;

	make_core(f);
	set_attribute(f->core, "user.coredump.uid", "101");
	set_attribute(f->core, "user.coredump.gid", "101");
	set(f, FIELD_COREDUMP_UID, "101");
	set(f, FIELD_COREDUMP_GID, "101");
	set(f, FIELD_UID, "995");
	set(f, FIELD_GID, "995");
	passes(f);
	assert_true(f->crash->privileged);
	assert_false(f->crash->owner_may_read);
}

/* journald loses the race for the unit; the file speaks for itself. */
static void test_unattributed_with_file(void **state) {
	struct fixture *f = *state;

	make_core(f);
	set(f, FIELD_SYSTEMD_UNIT, NULL);
	passes(f);
	assert_false(f->crash->attributed);
}

static void test_kernel_socket_unit(void **state) {
	struct fixture *f = *state;

	make_core(f);
	set(f, FIELD_SYSTEMD_UNIT, "systemd-coredumpd.service");
	passes(f);
}

static void test_command_of_any_bytes(void **state) {
	struct fixture *f = *state;

	make_core(f);
	set_attribute(f->core, "user.coredump.comm", "\x1b[31m\n\xff");
	set(f, FIELD_SYSTEMD_UNIT, NULL);
	set(f, FIELD_COREDUMP_COMM, "\x1b[31m\n\xff");
	passes(f);
}

static void test_cores_that_are_not_there(void **state) {
	static const struct { const char *filename; bool has_core; enum core_state state; } cases[] = {
		{ NULL, false, CORE_NONE }, { NULL, true, CORE_JOURNAL }, { "core.gone", false, CORE_MISSING },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		char path[PATH_MAX + 64];

		snprintf(path, sizeof(path), "%s/%s", f->directory, cases[i].filename ? cases[i].filename : "");
		set(f, FIELD_COREDUMP_FILENAME, cases[i].filename ? path : NULL);
		f->entry->has_core = cases[i].has_core;
		passes(f);
		assert_int_equal(f->crash->core_state, cases[i].state);
		assert_int_equal(f->crash->core_fd, -EBADF);
		once_more(f);
	}
}

static void test_large_and_truncated_cores(void **state) {
	struct fixture *f = *state;

	make_core(f);
	set(f, FIELD_COREDUMP_TRUNCATED, "1");
	passes(f);
	assert_int_equal(f->crash->core_state, CORE_TRUNCATED);
	once_more(f);
	f->policy.core.max = 3;
	passes(f);
	assert_int_equal(f->crash->core_state, CORE_INACCESSIBLE);
	assert_int_equal(f->crash->core_fd, -EBADF);
}

/* ── rule 1: fields ── */

static void test_fields_missing_or_twice(void **state) {
	static const enum field_id once[] = { FIELD_MESSAGE_ID,   FIELD_COREDUMP_UID,    FIELD_COREDUMP_GID,
		                              FIELD_COREDUMP_PID, FIELD_COREDUMP_SIGNAL, FIELD_COREDUMP_TIMESTAMP,
		                              FIELD_COREDUMP_COMM };
	struct fixture *f = *state;

	make_core(f);
	for (size_t i = 0; i < ELEMENTSOF(once); i++) {
		_cleanup_free_ char *value = strdup(entry_get(f->entry, once[i]));

		assert_int_equal(entry_add(f->entry, once[i], value, strlen(value)), 0);
		refused(f, "exactly once");
		set(f, once[i], NULL);
		refused(f, "exactly once");
		set(f, once[i], value);
	}
	passes(f);
}

static void test_numbers_out_of_range(void **state) {
	static const struct { enum field_id id; const char *value;
	} cases[] = {
		{ FIELD_COREDUMP_UID, "4294967295" },
		{ FIELD_COREDUMP_UID, "4294971538" },
		{ FIELD_COREDUMP_UID, "-1" },
		{ FIELD_COREDUMP_UID, " 4242" },
		{ FIELD_COREDUMP_UID, "4242 " },
		{ FIELD_COREDUMP_UID, "0x1092" },
		{ FIELD_COREDUMP_UID, "" },
		{ FIELD_COREDUMP_GID, "99999999999" },
		{ FIELD_COREDUMP_PID, "0" },
		{ FIELD_COREDUMP_PID, "2147483648" },
		{ FIELD_COREDUMP_PID, "+77" },
		{ FIELD_COREDUMP_SIGNAL, "0" },
		{ FIELD_COREDUMP_SIGNAL, "65" },
		{ FIELD_COREDUMP_TIMESTAMP, "18446744073709551616" },
		{ FIELD_COREDUMP_TIMESTAMP, "9223372036854775808" },
		{ FIELD_COREDUMP_TIMESTAMP, "253402300800000000" },
		{ FIELD_COREDUMP_TIMESTAMP, "1e9" },
		{ FIELD_BOOT_ID, "x" },
		{ FIELD_BOOT_ID, "0123456789ABCDEF0123456789abcdef" },
		{ FIELD_TRANSPORT, "syslog" },
		{ FIELD_MESSAGE_ID, "1f4e0a44a88649939aaea34fc6da8c95" },
		{ FIELD_COREDUMP_PID, "00000000000000000000000000000000000000000000000077" },
	};
	struct fixture *f = *state;

	make_core(f);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_free_ char *good = strdup(entry_get(f->entry, cases[i].id));

		set(f, cases[i].id, cases[i].value);
		if (try(f) != -EBADMSG)
			fail_msg("%s=%s was let through", field_name(cases[i].id), cases[i].value);
		set(f, cases[i].id, good);
	}
	passes(f);
}

static void test_nul_in_a_number(void **state) {
	struct fixture *f = *state;

	make_core(f);
	set(f, FIELD_COREDUMP_PID, NULL);
	assert_int_equal(entry_add(f->entry, FIELD_COREDUMP_PID, "77\0x", 4), 0);
	refused(f, "exactly once");
}

/* ── rules 2 and 3: the sender ── */

static void test_other_sender(void **state) {
	static const struct { const char *uid, *gid, *reason;
	} cases[] = {
		{ "4243", OWNER, "another user" }, { OWNER, "4243", "another group" }, { NULL, OWNER, "missing" },
		{ OWNER, NULL, "missing" },        { "x", OWNER, "missing" },
	};
	struct fixture *f = *state;

	make_core(f);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		set(f, FIELD_UID, cases[i].uid);
		set(f, FIELD_GID, cases[i].gid);
		refused(f, cases[i].reason);
	}
}

static void test_system_user_for_himself(void **state) {
	struct fixture *f = *state;

	make_core(f);
	set_attribute(f->core, "user.coredump.uid", "101");
	set_attribute(f->core, "user.coredump.gid", "101");
	set(f, FIELD_COREDUMP_UID, "101");
	set(f, FIELD_COREDUMP_GID, "101");
	set(f, FIELD_UID, "101");
	set(f, FIELD_GID, "101");
	refused(f, "system user");
	/* Without such a user on the machine its number is nobody special. */
	set(f, FIELD_UID, "995");
	f->policy.has_coredump_uid = false;
	refused(f, "another user");
}

static void test_other_units(void **state) {
	static const char *const units[] = { "user@4242.service", "systemd-coredump@.socket",
		                             "evil-systemd-coredump@1.service", "" };
	struct fixture *f = *state;

	make_core(f);
	for (size_t i = 0; i < ELEMENTSOF(units); i++) {
		set(f, FIELD_SYSTEMD_UNIT, units[i]);
		refused(f, "another unit");
	}
	set(f, FIELD_SYSTEMD_UNIT, "systemd-coredump@3-1234-0.service");
	set(f, FIELD_SYSTEMD_USER_UNIT, "systemd-coredump@x.service");
	refused(f, "user's unit");
}

/* ── rule 5 ── */

static void test_nothing_proves_it(void **state) {
	struct fixture *f = *state;

	set(f, FIELD_SYSTEMD_UNIT, NULL);
	refused(f, "nothing else shows"); /* the file is missing */
	set(f, FIELD_COREDUMP_FILENAME, NULL);
	refused(f, "nothing else shows");
	/* PID 1's and journald's own crashes: no unit, but root sends them. */
	set(f, FIELD_UID, "0");
	set(f, FIELD_GID, "0");
	passes(f);
}

/* Before all of an entry is read, it is known whether it has to be. */
static void test_suspects(void **state) {
	static const struct { const char *unit, *uid, *filename; int result; bool suspect; } cases[] = {
		{ "systemd-coredump@1-2-0.service", OWNER, "x", 0, false },
		{ "systemd-coredump@1-2-0.service", OWNER, NULL, 0, false },
		{ NULL, "995", NULL, 0, false },
		{ NULL, "0", NULL, 0, false },
		{ NULL, OWNER, "x", 0, true },
		{ NULL, OWNER, NULL, -EBADMSG, true },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		const char *reason = NULL;
		bool suspect = true;

		set(f, FIELD_SYSTEMD_UNIT, cases[i].unit);
		set(f, FIELD_UID, cases[i].uid);
		set(f, FIELD_GID, cases[i].uid);
		set(f, FIELD_COREDUMP_FILENAME, cases[i].filename);
		assert_int_equal(admit_entry(&f->policy, f->entry, &suspect, &reason), cases[i].result);
		assert_int_equal(suspect, cases[i].suspect);
	}
}

/* ── ids ── */

static void test_same_crash_same_id(void **state) {
	struct fixture *f = *state;
	char first[HASH_TEXT_SIZE];

	make_core(f);
	passes(f);
	memcpy(first, f->crash->id, sizeof(first));
	f->crash->id[0] = 0;
	assert_int_equal(crash_make_id(f->crash), 0);
	assert_string_equal(f->crash->id, first);
	f->crash->timestamp++;
	assert_int_equal(crash_make_id(f->crash), 0);
	assert_string_not_equal(f->crash->id, first);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_genuine_user_crash),
		TEST(test_genuine_system_crash),
		TEST(test_unattributed_with_file),
		TEST(test_kernel_socket_unit),
		TEST(test_command_of_any_bytes),
		TEST(test_cores_that_are_not_there),
		TEST(test_large_and_truncated_cores),
		TEST(test_fields_missing_or_twice),
		TEST(test_numbers_out_of_range),
		TEST(test_nul_in_a_number),
		TEST(test_other_sender),
		TEST(test_system_user_for_himself),
		TEST(test_other_units),
		TEST(test_nothing_proves_it),
		TEST(test_suspects),
		TEST(test_same_crash_same_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
