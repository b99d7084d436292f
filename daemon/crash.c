/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See crash.h. */
#include "daemon/crash.h"

/* systemd's UIDS-GIDS.md: DynamicUser= */
#define DYNAMIC_UID_MIN 61184
#define DYNAMIC_UID_MAX 65519
#define NOBODY_UID 65534

int crash_new(struct entry *entry, struct crash **ret_crash) {
	struct crash *crash = calloc(1, sizeof(*crash));

	if (!crash)
		return -ENOMEM;
	crash->entry = entry;
	crash->core_fd = -EBADF;
	*ret_crash = crash;
	return 0;
}

void crash_free(struct crash *crash) {
	if (!crash)
		return;
	closep(&crash->core_fd);
	entry_free(crash->entry);
	free(crash->core_problem);
	free(crash);
}

int crash_make_id(struct crash *crash) {
	struct hash *hash;
	int r = hash_new(&hash);

	if (r < 0)
		return r;
	hash_add_string(hash, entry_get(crash->entry, FIELD_BOOT_ID));
	hash_add_u64(hash, (uint64_t)crash->pid);
	hash_add_u64(hash, crash->timestamp);
	hash_add_u64(hash, crash->uid);
	hash_add_u64(hash, crash->core_inode);
	hash_finish(hash, crash->id);
	hash_free(hash);
	return 0;
}

const char *core_state_name(enum core_state state) {
	static const char *const names[_CORE_STATE_MAX] = {
		[CORE_PRESENT] = "present", [CORE_JOURNAL] = "journal", [CORE_TRUNCATED] = "truncated",
		[CORE_MISSING] = "missing", [CORE_INACCESSIBLE] = "inaccessible", [CORE_NONE] = "none",
	};

	return names[state];
}

bool uid_is_system(uint32_t uid) {
	return uid <= SYSTEM_UID_MAX || (uid >= DYNAMIC_UID_MIN && uid <= DYNAMIC_UID_MAX) || uid == NOBODY_UID;
}
