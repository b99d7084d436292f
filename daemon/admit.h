/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which journal entries we believe. Anyone on the machine can send an entry with systemd-coredump's MESSAGE_ID;
 * journald vouches for the fields with "_" only, and of these _UID and _GID alone are always there and never raced
 * (SCM_CREDENTIALS; the others come from /proc afterwards).
 */
#pragma once

#include "daemon/corefile.h"
#include "daemon/crash.h"

#define COREDUMP_MESSAGE_ID "fc2e22bc6ee647b6b90729ab34a250b1" /* SD_MESSAGE_COREDUMP */

struct admit_policy {
	bool has_coredump_uid;
	uint32_t coredump_uid; /* of the user "systemd-coredump" */
	struct corefile_policy core;
};

/*
 * The rules that need the entry alone: 0, or -EBADMSG with a reason (static text). Cheap: made before all of an entry
 * is read. suspect: journald does not say that systemd-coredump sent it (it loses the race for every tenth), so a user
 * may have, and the number of values of each field has to be counted before admit().
 */
int admit_entry(const struct admit_policy *policy, const struct entry *entry, bool *ret_suspect,
                const char **ret_reason);

/*
 * All rules. On success the entry is the crash's, its core is open and its id made. -EBADMSG with a reason: not to be
 * believed, the entry stays the caller's. -ENOMEM likewise.
 */
int admit(const struct admit_policy *policy, struct entry *entry, struct crash **ret_crash, const char **ret_reason);
