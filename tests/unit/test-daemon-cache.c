/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemon/cache.c with the rights that the service has: root who may not override permissions. */
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

/* Gives up, or takes back, what lets root read other users' folders. */
static void set_override(bool on) {
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	const uint32_t bits = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH;

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
	char name[16];
	mode_t before = umask(077);

	snprintf(name, sizeof(name), "%u", uid);
	set_override(false);
	for (unsigned i = 0; i < 2; i++) {
		int own = cache_open(root, uid, gid, privileged);
		int shared = cache_open_folder(root, "shared", 0711, uid, gid, privileged);

		if (own < 0 || shared < 0)
			fail_msg("time %u: %s", i, strerror(-MIN(own, shared)));
		close(own);
		close(shared);
	}
	set_override(true);
	umask(before);
	assert_int_equal(stat_of(name).st_uid, uid);
	assert_int_equal(stat_of(name).st_mode & 0777, 0700);
	assert_int_equal(stat_of("shared").st_mode & 0777, 0711);
}

static void test_folder_of_somebody_else_is_refused(void **state _unused_) {
	char path[64];

	snprintf(path, sizeof(path), "%s/link", root);
	assert_int_equal(symlink("/etc", path), 0);
	assert_int_equal(cache_open_folder(root, "link", 0711, geteuid(), getegid(), false), -ENOTDIR);
	assert_int_equal(cache_open_folder(root, "mine", 0700, geteuid(), getegid(), false) >= 0, true);
	assert_int_equal(cache_open_folder(root, "mine", 0700, OTHER + 1, OTHER + 1, false), -EPERM);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folder_of_another_user_is_opened_again),
		cmocka_unit_test(test_folder_of_somebody_else_is_refused),
	};

	return cmocka_run_group_tests_name("daemon-cache", tests, set_up, tear_down);
}
