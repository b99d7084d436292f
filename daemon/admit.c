/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See admit.h. systemd-coredump takes on the crashed process's uid before it writes, and system users' crashes are
 * written by the user systemd-coredump (systemd's coredump.c, 252 to 262). _EXE and _COMM prove nothing: any user may
 * run the genuine binary, and most genuine entries lack them.
 */
#include "daemon/admit.h"

#include <fnmatch.h>

#include "util/parse.h"

/* RFC 3339, in which reports have it, ends with the year 9999. */
#define TIMESTAMP_MAX (UINT64_C(253402300800) * USEC_PER_SEC)

static int refuse(const char *reason, const char **ret_reason) {
	*ret_reason = reason;
	return -EBADMSG;
}

/* Rule 1: each of these exactly once, and strictly what it should be. */
static int check_fields(const struct entry *entry, struct crash *crash, const char **ret_reason) {
	static const struct { enum field_id id; const char *reason; } once[] = {
		{ FIELD_MESSAGE_ID, "MESSAGE_ID= is not there exactly once" },
		{ FIELD_COREDUMP_UID, "COREDUMP_UID= is not there exactly once" },
		{ FIELD_COREDUMP_GID, "COREDUMP_GID= is not there exactly once" },
		{ FIELD_COREDUMP_PID, "COREDUMP_PID= is not there exactly once" },
		{ FIELD_COREDUMP_SIGNAL, "COREDUMP_SIGNAL= is not there exactly once" },
		{ FIELD_COREDUMP_TIMESTAMP, "COREDUMP_TIMESTAMP= is not there exactly once" },
	};
	const char *boot_id = entry_get(entry, FIELD_BOOT_ID), *transport = entry_get(entry, FIELD_TRANSPORT);
	uint32_t signal;

	for (size_t i = 0; i < ELEMENTSOF(once); i++)
		if (!entry_is_plain(entry, once[i].id))
			return refuse(once[i].reason, ret_reason);
	if (entry->fields[FIELD_COREDUMP_COMM].count != 1) /* may hold any bytes */
		return refuse("COREDUMP_COMM= is not there exactly once", ret_reason);
	if (!streq(entry_get(entry, FIELD_MESSAGE_ID), COREDUMP_MESSAGE_ID))
		return refuse("MESSAGE_ID= is another one", ret_reason);
	if (!transport || !streq(transport, "journal"))
		return refuse("_TRANSPORT= is not \"journal\"", ret_reason);
	if (!boot_id || !is_hex(boot_id, 32))
		return refuse("_BOOT_ID= is missing", ret_reason);
	if (parse_uid(entry_get(entry, FIELD_COREDUMP_UID), &crash->uid) < 0)
		return refuse("COREDUMP_UID= is no user id", ret_reason);
	if (parse_uid(entry_get(entry, FIELD_COREDUMP_GID), &crash->gid) < 0)
		return refuse("COREDUMP_GID= is no group id", ret_reason);
	if (parse_pid(entry_get(entry, FIELD_COREDUMP_PID), &crash->pid) < 0)
		return refuse("COREDUMP_PID= is no process id", ret_reason);
	if (parse_u32(entry_get(entry, FIELD_COREDUMP_SIGNAL), &signal) < 0 || signal < 1 || signal > 64)
		return refuse("COREDUMP_SIGNAL= is no signal number", ret_reason);
	if (parse_u64(entry_get(entry, FIELD_COREDUMP_TIMESTAMP), &crash->timestamp) < 0 ||
	    crash->timestamp >= TIMESTAMP_MAX)
		return refuse("COREDUMP_TIMESTAMP= is no time", ret_reason);
	crash->signal = (int)signal;
	return 0;
}

/* Rule 2: the sender speaks for himself, unless he is root or systemd-coredump. */
static int check_sender(const struct admit_policy *policy, const struct entry *entry, struct crash *crash,
                        const char **ret_reason) {
	uint32_t uid, gid;

	if (!entry_is_plain(entry, FIELD_UID) || parse_uid(entry_get(entry, FIELD_UID), &uid) < 0 ||
	    !entry_is_plain(entry, FIELD_GID) || parse_uid(entry_get(entry, FIELD_GID), &gid) < 0)
		return refuse("_UID= or _GID= is missing", ret_reason);
	crash->privileged = uid == 0 || (policy->has_coredump_uid && uid == policy->coredump_uid);
	if (crash->privileged)
		return 0;
	if (crash->uid != uid)
		return refuse("sent by another user than the one it speaks of", ret_reason);
	if (crash->gid != gid)
		return refuse("sent by another group than the one it speaks of", ret_reason);
	/* A dynamic user's crash is sent by that user; only systemd's own range goes by way of systemd-coredump. */
	if (uid <= SYSTEM_UID_MAX)
		return refuse("sent by a system user who is not systemd-coredump", ret_reason);
	return 0;
}

/*
 * Rule 3: where journald could say which unit sent it, it is systemd-coredump's. Absent it proves nothing (it loses
 * the race for every tenth).
 */
static int check_unit(const struct entry *entry, struct crash *crash, const char **ret_reason) {
	const char *unit = entry_get(entry, FIELD_SYSTEMD_UNIT);

	crash->attributed = false;
	if (entry_get(entry, FIELD_SYSTEMD_USER_UNIT))
		return refuse("sent by a user's unit", ret_reason);
	if (!unit)
		return 0;
	if (!entry_is_plain(entry, FIELD_SYSTEMD_UNIT) ||
	    (fnmatch("systemd-coredump@*.service", unit, 0) != 0 && !streq(unit, "systemd-coredumpd.service")))
		return refuse("sent by another unit than systemd-coredump", ret_reason);
	crash->attributed = true;
	return 0;
}

static bool is_vouched_for(const struct crash *crash) {
	return crash->attributed || crash->privileged;
}

/* Rule 5: without a file that proves it, only a sender that we know otherwise. */
static int check_proof(bool has_file, const struct crash *crash, const char **ret_reason) {
	return has_file || is_vouched_for(crash)
	               ? 0
	               : refuse("no core, and nothing else shows that systemd-coredump sent it", ret_reason);
}

static int check_entry(const struct admit_policy *policy, const struct entry *entry, struct crash *crash,
                       const char **ret_reason) {
	int r;

	r = check_fields(entry, crash, ret_reason);
	if (r < 0)
		return r;
	r = check_sender(policy, entry, crash, ret_reason);
	if (r < 0)
		return r;
	r = check_unit(entry, crash, ret_reason);
	if (r < 0)
		return r;
	return check_proof(entry_get(entry, FIELD_COREDUMP_FILENAME) != NULL, crash, ret_reason);
}

int admit_entry(const struct admit_policy *policy, const struct entry *entry, bool *ret_suspect,
                const char **ret_reason) {
	struct crash crash = { .core_fd = -EBADF };
	int r;

	r = check_entry(policy, entry, &crash, ret_reason);
	if (r < 0)
		return r;
	*ret_suspect = !is_vouched_for(&crash);
	return 0;
}

static int admit_into(const struct admit_policy *policy, struct crash *crash, const char **ret_reason) {
	int r;

	r = check_entry(policy, crash->entry, crash, ret_reason);
	if (r < 0)
		return r;
	/* Rule 4: the file's own proof. */
	r = corefile_open(&policy->core, crash, ret_reason);
	if (r < 0)
		return r;
	/* A name is no file: the core may be gone, or never have been. */
	r = check_proof(crash->core_fd >= 0 || crash->core_inode != 0, crash, ret_reason);
	if (r < 0)
		return r;
	return crash_make_id(crash);
}

int admit(const struct admit_policy *policy, struct entry *entry, struct crash **ret_crash, const char **ret_reason) {
	_cleanup_(crash_freep) struct crash *crash = NULL;
	int r;

	r = crash_new(entry, &crash);
	if (r < 0)
		return r;
	r = admit_into(policy, crash, ret_reason);
	if (r < 0) {
		crash->entry = NULL; /* stays the caller's */
		return r;
	}
	*ret_crash = take_ptr(crash);
	return 0;
}
