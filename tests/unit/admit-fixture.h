/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For test-admit and test-daemon-corefile: a genuine journal entry of a user's crash, and the core that goes with it,
 * to be spoilt by the tests.
 */
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "daemon/admit.h"
#include "util/parse.h"

#define OWNER "4242"
#define COREDUMP_USER 995
#define CORE_TEXT "core bytes"

struct fixture {
	char directory[PATH_MAX], core[PATH_MAX + 64];
	struct admit_policy policy;
	struct entry *entry;
	struct crash *crash;
	const char *reason;
};

static inline void set(struct fixture *f, enum field_id id, const char *value) {
	struct field *field = &f->entry->fields[id];

	free(field->value);
	*field = (struct field){ .value = NULL };
	if (value)
		assert_int_equal(entry_add(f->entry, id, value, strlen(value)), 0);
}

static inline void set_attribute(const char *path, const char *name, const char *value) {
	if (setxattr(path, name, value, strlen(value), 0) < 0 && errno == ENOTSUP)
		skip(); /* a file system without user attributes: nothing here can be shown */
}

static inline void make_core(struct fixture *f) {
	FILE *out = fopen(f->core, "we");

	assert_non_null(out);
	fputs(CORE_TEXT, out);
	fclose(out);
	assert_return_code(chmod(f->core, 0640), errno);
	set_attribute(f->core, "user.coredump.uid", OWNER);
	set_attribute(f->core, "user.coredump.gid", OWNER);
	set_attribute(f->core, "user.coredump.pid", "77");
	set_attribute(f->core, "user.coredump.signal", "11");
	set_attribute(f->core, "user.coredump.timestamp", "1700000000000000");
	set_attribute(f->core, "user.coredump.comm", "prog");
	set_attribute(f->core, "user.coredump.exe", "/usr/bin/prog");
}

/* What systemd-coredump does for the owner: setfacl -m u:UID:PERMISSIONS. */
static inline void grant(const struct fixture *f, uint32_t uid, unsigned permissions, unsigned mask) {
	struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entries[5];
	} acl = {
		{ POSIX_ACL_XATTR_VERSION },
		{ { ACL_USER_OBJ, 6, ACL_UNDEFINED_ID },
		  { ACL_USER, (uint16_t)permissions, uid },
		  { ACL_GROUP_OBJ, 4, ACL_UNDEFINED_ID },
		  { ACL_MASK, (uint16_t)mask, ACL_UNDEFINED_ID },
		  { ACL_OTHER, 0, ACL_UNDEFINED_ID } },
	};

	if (setxattr(f->core, "system.posix_acl_access", &acl, sizeof(acl), 0) < 0 && errno == ENOTSUP)
		skip();
}

/* A genuine entry of a user's crash, as journald attributes it. */
static inline int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));
	char cwd[PATH_MAX - 32];

	if (!f || !getcwd(cwd, sizeof(cwd)))
		return -1;
	snprintf(f->directory, sizeof(f->directory), "%s/test-admit-XXXXXX", cwd);
	if (!mkdtemp(f->directory))
		return -1;
	snprintf(f->core, sizeof(f->core), "%s/core.prog." OWNER ".boot.77.1700000000000000.zst", f->directory);
	f->policy = (struct admit_policy){ true, COREDUMP_USER, { f->directory, geteuid(), MIB(1) } };
	if (entry_new("s=1;i=1", &f->entry) < 0)
		return -1;
	set(f, FIELD_MESSAGE_ID, COREDUMP_MESSAGE_ID);
	set(f, FIELD_TRANSPORT, "journal");
	set(f, FIELD_BOOT_ID, "0123456789abcdef0123456789abcdef");
	set(f, FIELD_COREDUMP_UID, OWNER);
	set(f, FIELD_COREDUMP_GID, OWNER);
	set(f, FIELD_COREDUMP_PID, "77");
	set(f, FIELD_COREDUMP_SIGNAL, "11");
	set(f, FIELD_COREDUMP_TIMESTAMP, "1700000000000000");
	set(f, FIELD_COREDUMP_COMM, "prog");
	set(f, FIELD_COREDUMP_EXE, "/usr/bin/prog");
	set(f, FIELD_COREDUMP_DUMPABLE, "1");
	set(f, FIELD_COREDUMP_FILENAME, f->core);
	set(f, FIELD_UID, OWNER);
	set(f, FIELD_GID, OWNER);
	set(f, FIELD_SYSTEMD_UNIT, "systemd-coredump@3-1234-0.service");
	*state = f;
	return 0;
}

static inline int remove_one(const char *path, const struct stat *st _unused_, int type _unused_, struct FTW *ftw _unused_) {
	return remove(path);
}

static inline int tear_down(void **state) {
	struct fixture *f = *state;

	nftw(f->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	crash_free(f->crash);
	entry_free(f->entry);
	free(f);
	return 0;
}

static inline int try(struct fixture *f) {
	int r;

	f->reason = NULL;
	r = admit(&f->policy, f->entry, &f->crash, &f->reason);
	if (r >= 0)
		f->entry = NULL;
	else
		assert_true(r == -EBADMSG && f->reason);
	return r;
}

static inline void passes(struct fixture *f) {
	if (try(f) < 0)
		fail_msg("refused: %s", f->reason);
}

/* Takes the entry back out of the crash, for another try. */
static inline void once_more(struct fixture *f) {
	f->entry = f->crash->entry;
	f->crash->entry = NULL;
	crash_free(f->crash);
	f->crash = NULL;
}

static inline void refused(struct fixture *f, const char *reason) {
	assert_int_equal(try(f), -EBADMSG);
	if (!strstr(f->reason, reason))
		fail_msg("refused for another reason: %s", f->reason);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
