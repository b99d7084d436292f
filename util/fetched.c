/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See fetched.h. Only names and times: what is in the files is none of this room's business. */
#include "util/fetched.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "util/parse.h"

static const char *const kinds[_FETCHED_KIND_MAX] = {
	[FETCHED_DEBUGINFO] = "debuginfo",
	[FETCHED_EXECUTABLE] = "executable",
};

const char *fetched_kind_name(enum fetched_kind kind) {
	return kinds[kind];
}

int fetched_kind_from(const char *name, enum fetched_kind *ret_kind) {
	for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
		if (streq(kinds[i], name)) {
			*ret_kind = (enum fetched_kind)i;
			return 0;
		}
	return -EINVAL;
}

bool fetched_is_id(const char *id) {
	size_t n = strnlen(id, FETCHED_ID_MAX + 1);

	return n >= FETCHED_ID_MIN && n <= FETCHED_ID_MAX && n % 2 == 0 && is_hex(id, n);
}

void fetched_name(enum fetched_kind kind, const char *id, bool absent, char ret_name[static FETCHED_NAME_SIZE]) {
	snprintf(ret_name, FETCHED_NAME_SIZE, "%s.%s%s", id, kinds[kind], absent ? ".none" : "");
}

static bool look(int folder, enum fetched_kind kind, const char *id, bool absent, struct stat *ret_st) {
	char name[FETCHED_NAME_SIZE];

	if (folder < 0 || !fetched_is_id(id))
		return false;
	fetched_name(kind, id, absent, name);
	return fstatat(folder, name, ret_st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(ret_st->st_mode);
}

bool fetched_is_there(int folder, enum fetched_kind kind, const char *id, int64_t since) {
	struct stat st;

	/* Getting its name is a change of the inode. */
	return look(folder, kind, id, false, &st) && st.st_ctim.tv_sec >= since;
}

bool fetched_is_absent(int folder, enum fetched_kind kind, const char *id, uint64_t seconds) {
	time_t now = time(NULL);
	struct stat st;

	return look(folder, kind, id, true, &st) && st.st_mtim.tv_sec <= now &&
	       (uint64_t)(now - st.st_mtim.tv_sec) < seconds;
}
