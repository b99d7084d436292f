/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemon/corefile.c: files that are not what an entry claims, and who may read what came out of them. */
#include "admit-fixture.h"

#include <sys/sysmacros.h>

/* ── rule 4: the file ── */

static void test_paths_elsewhere(void **state) {
	struct fixture *f = *state;
	char paths[6][PATH_MAX + 128];

	make_core(f);
	snprintf(paths[0], sizeof(paths[0]), "/etc/shadow");
	snprintf(paths[1], sizeof(paths[1]), "%s/../core.x", f->directory);
	snprintf(paths[2], sizeof(paths[2]), "%s/core.x/../core.y", f->directory);
	snprintf(paths[3], sizeof(paths[3]), "%s/x.core", f->directory);
	snprintf(paths[4], sizeof(paths[4]), "%sx/core.x", f->directory);
	snprintf(paths[5], sizeof(paths[5]), "core.prog." OWNER ".boot.77.1700000000000000.zst");
	for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
		set(f, FIELD_COREDUMP_FILENAME, paths[i]);
		refused(f, "folder of cores");
	}
	set(f, FIELD_COREDUMP_FILENAME, f->core);
	assert_int_equal(entry_add(f->entry, FIELD_COREDUMP_FILENAME, "/x", 2), 0);
	refused(f, "one plain path");
}

static void test_not_a_regular_file(void **state) {
	struct fixture *f = *state;

	assert_return_code(symlink("/etc/passwd", f->core), errno);
	refused(f, "regular file");
	unlink(f->core);
	assert_return_code(mkfifo(f->core, 0600), errno); /* must not block either */
	refused(f, "regular file");
	unlink(f->core);
	assert_return_code(mkdir(f->core, 0700), errno);
	refused(f, "regular file");
	rmdir(f->core);
	/* The name alone: what is there is a socket, and for root a device. */
	assert_return_code(mknod(f->core, S_IFSOCK | 0600, 0), errno);
	refused(f, "regular file");
	unlink(f->core);
	if (geteuid() == 0) {
		assert_return_code(mknod(f->core, S_IFCHR | 0600, makedev(1, 5)), errno); /* /dev/zero */
		refused(f, "regular file");
	}
}

static void test_file_of_another_user(void **state) {
	struct fixture *f = *state;

	make_core(f);
	if (geteuid() == 0)
		assert_return_code(chown(f->core, 4242, 4242), errno);
	else
		f->policy.core.owner = geteuid() + 1;
	refused(f, geteuid() == 0 ? "not root's" : "folder of cores");
}

static void test_writable_by_others(void **state) {
	static const mode_t modes[] = { 0660, 0602, 0666 };
	struct fixture *f = *state;

	make_core(f);
	for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
		assert_return_code(chmod(f->core, modes[i]), errno);
		refused(f, "others may write");
	}
	assert_return_code(chmod(f->core, 0640), errno);
	assert_return_code(chmod(f->directory, 0777), errno);
	refused(f, "folder of cores can be written");
}

static void test_attributes_of_another_crash(void **state) {
	static const char *const names[] = { "user.coredump.uid", "user.coredump.gid", "user.coredump.pid",
		                             "user.coredump.signal", "user.coredump.timestamp" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		make_core(f);
		set_attribute(f->core, names[i], "7");
		refused(f, "extended attributes");
		set_attribute(f->core, names[i], "77 ");
		refused(f, "extended attributes");
		assert_return_code(removexattr(f->core, names[i]), errno);
		refused(f, "extended attributes");
		unlink(f->core);
	}
}

/* The owner cannot make another program of it: his own core, but an entry of his own, too. */
static void test_names_of_another_program(void **state) {
	static const struct { enum field_id id; const char *attribute; } names[] = {
		{ FIELD_COREDUMP_COMM, "user.coredump.comm" }, { FIELD_COREDUMP_EXE, "user.coredump.exe" },
	};
	struct fixture *f = *state;
	char longest[1000];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		_cleanup_free_ char *name = strdup(entry_get(f->entry, names[i].id));

		make_core(f);
		set(f, names[i].id, "sshd");
		passes(f); /* journald saw who sent it */
		once_more(f);
		set(f, FIELD_SYSTEMD_UNIT, NULL);
		refused(f, "extended attributes");
		assert_return_code(removexattr(f->core, names[i].attribute), errno);
		refused(f, "extended attributes"); /* there would be one */
		if (names[i].id == FIELD_COREDUMP_EXE) {
			set(f, names[i].id, longest);
			passes(f); /* too long for one, maybe */
			once_more(f);
		}
		set(f, FIELD_SYSTEMD_UNIT, "systemd-coredump@3-1234-0.service");
		set(f, names[i].id, name);
	}
}

/* ── who may see it ── */

static void test_owner_needs_the_acl(void **state) {
	static const struct { uint32_t uid; unsigned permissions, mask; const char *dumpable; bool reads;
	} cases[] = {
		{ 4242, 4, 4, "1", true },  { 4242, 4, 4, NULL, true }, { 4242, 4, 4, "2", false },
		{ 4242, 4, 4, "0", false }, { 4242, 4, 0, "1", false }, { 4242, 2, 4, "1", false },
		{ 4243, 4, 4, "1", false },
	};
	struct fixture *f = *state;

	make_core(f);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		grant(f, cases[i].uid, cases[i].permissions, cases[i].mask);
		set(f, FIELD_COREDUMP_DUMPABLE, cases[i].dumpable);
		passes(f);
		assert_int_equal(f->crash->owner_may_read, cases[i].reads);
		once_more(f);
	}
}

static void test_set_uid_program_without_acl(void **state) {
	struct fixture *f = *state;

	make_core(f);
	passes(f);
	assert_false(f->crash->owner_may_read);
}

static void test_owner_without_a_file(void **state) {
	static const struct { const char *status, *dumpable; bool reads; } cases[] = {
		{ "Name:\tx\nUid:\t4242\t4242\t4242\t4242\nGid:\t4242\t4242\t4242\t4242\n", "1", true },
		{ "Name:\tx\nUid:\t4242\t0\t0\t0\nGid:\t4242\t4242\t4242\t4242\n", "1", false },
		{ "Name:\tx\nUid:\t4242\t4242\t4242\t4242\nGid:\t4242\t5\t5\t5\n", "1", false },
		{ "Name:\tx\nUid:\t4242\t4242\t4242\t4242\nGid:\t4242\t4242\t4242\t4242\n", NULL, false },
		{ "Name:\tx\nUid:\t4242\t4242\t4242\t4242\nGid:\t4242\t4242\t4242\t4242\n", "2", false },
		{ NULL, "1", false },
	};
	struct fixture *f = *state;

	set(f, FIELD_COREDUMP_FILENAME, NULL);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		set(f, FIELD_COREDUMP_PROC_STATUS, cases[i].status);
		set(f, FIELD_COREDUMP_DUMPABLE, cases[i].dumpable);
		passes(f);
		assert_int_equal(f->crash->owner_may_read, cases[i].reads);
		once_more(f);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_paths_elsewhere),
		TEST(test_not_a_regular_file),
		TEST(test_file_of_another_user),
		TEST(test_writable_by_others),
		TEST(test_attributes_of_another_crash),
		TEST(test_names_of_another_program),
		TEST(test_owner_needs_the_acl),
		TEST(test_set_uid_program_without_acl),
		TEST(test_owner_without_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
