/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemon/cache.c with the rights that the service has: root who may not override permissions, nor give files away. */
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "daemon/cache.h"

#define OTHER 4242

static char root[] = "/tmp/test-daemon-cache-XXXXXX";

static int set_up(void **state _unused_) {
	return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state _unused_) {
	char command[64];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

/* Gives up, or takes back, what lets root read other users' folders and give folders to them. */
static void set_override(bool on) {
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	const uint32_t bits =
		1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH | 1u << CAP_CHOWN | 1u << CAP_FOWNER;

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	data[0].effective = on ? data[0].effective | (data[0].permitted & bits) : data[0].effective & ~bits;
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}

static struct stat stat_of(const char *name) {
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(stat(path, &st), 0);
	return st;
}

static void test_folder_of_another_user_is_opened_again(void **state _unused_) {
	bool privileged = geteuid() == 0;
	uint32_t uid = privileged ? OTHER : geteuid(), gid = privileged ? OTHER : getegid();
	char name[32];
	mode_t before = umask(077);

	snprintf(name, sizeof(name), "symbols/%u", uid);
	set_override(false);
	for (unsigned i = 0; i < 2; i++) {
		int own = cache_open(root, &(const struct cache_user){ uid, gid, uid }, privileged);
		int shared = cache_open_shared(root, "shared", gid, privileged);

		if (own < 0 || shared < 0)
			fail_msg("time %u: %s", i, strerror(-MIN(own, shared)));
		close(own);
		close(shared);
	}
	set_override(true);
	umask(before);
	assert_int_equal(stat_of(name).st_uid, uid);
	assert_int_equal(stat_of(name).st_mode & 0777, 0700);
	assert_int_equal(stat_of("shared").st_mode & 07777, privileged ? 0771 : 0711);
	assert_int_equal(stat_of("shared").st_uid, geteuid());
	assert_int_equal(stat_of("shared").st_gid, gid);
	assert_int_equal(umask(before), before);
}

static bool is_there(const char *name) {
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return access(path, F_OK) == 0;
}

/* A worker for system services has a folder for each of them: one that was taken over lies about its own only. */
static void test_each_owner_has_a_folder(void **state _unused_) {
	bool privileged = geteuid() == 0;
	const uint32_t uid = privileged ? OTHER : geteuid(), gid = privileged ? OTHER : getegid();
	char name[48];

	for (uint32_t owner = 1; owner <= 2; owner++) {
		const struct cache_user user = { uid, gid, owner };
		int fd = cache_open(root, &user, privileged);

		assert_true(fd >= 0);
		close(fd);
		snprintf(name, sizeof(name), "symbols/%u-%u", uid, owner);
		assert_int_equal(stat_of(name).st_uid, uid);
		assert_int_equal(stat_of(name).st_mode & 0777, 0700);
	}
}

/* Whoever has subordinate uids has thousands of them: the folder that was used longest ago makes room. */
static void test_folders_are_limited(void **state _unused_) {
	bool privileged = geteuid() == 0;
	const uint32_t uid = privileged ? OTHER : geteuid(), gid = privileged ? OTHER : getegid();
	char name[48];

	for (uint32_t owner = 100000; owner < 100000 + 2 * CACHE_FOLDERS_MAX; owner++) {
		const struct cache_user user = { uid, gid, owner }, first = { uid, gid, 100000 };
		int fd, file, again;

		set_override(false);
		fd = cache_open(root, &user, privileged);
		if (fd < 0)
			fail_msg("owner %u: %s", owner, strerror(-fd));
		set_override(true);
		file = openat(fd, "entry", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		assert_true(file >= 0 && fchown(file, uid, gid) == 0);
		close(file);
		close(fd);
		again = cache_open(root, &first, privileged); /* in use all the time */
		assert_true(again >= 0 && faccessat(again, "entry", F_OK, 0) == 0);
		close(again);
	}
	for (uint32_t owner = 100000; owner < 100000 + 2 * CACHE_FOLDERS_MAX; owner++) {
		snprintf(name, sizeof(name), "symbols/%u-%u", uid, owner);
		assert_int_equal(is_there(name), owner == 100000 || owner > 100000 + CACHE_FOLDERS_MAX);
	}
}

static void test_folder_of_somebody_else_is_refused(void **state _unused_) {
	char path[64];

	snprintf(path, sizeof(path), "%s/link", root);
	assert_int_equal(symlink("/etc", path), 0);
	assert_int_equal(cache_open_shared(root, "link", getegid(), false), -ENOTDIR);
	if (geteuid() != 0)
		return;
	assert_true(cache_open_shared(root, "theirs", OTHER, true) >= 0);
	assert_int_equal(cache_open_shared(root, "theirs", OTHER + 1, true), -EPERM);
	snprintf(path, sizeof(path), "%s/theirs", root);
	assert_int_equal(chown(path, OTHER, OTHER), 0);
	assert_int_equal(cache_open_shared(root, "theirs", OTHER, true), -EPERM);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folder_of_another_user_is_opened_again),
		cmocka_unit_test(test_folder_of_somebody_else_is_refused),
		cmocka_unit_test(test_each_owner_has_a_folder),
		cmocka_unit_test(test_folders_are_limited),
	};

	return cmocka_run_group_tests_name("daemon-cache", tests, set_up, tear_down);
}
