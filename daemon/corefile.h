/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening a core that an entry names, and proving that systemd-coredump wrote it for this very crash. Nothing else
 * that an entry names is ever opened by the daemon.
 */
#pragma once

#include "daemon/crash.h"

struct corefile_policy {
	const char *directory; /* "/var/lib/systemd/coredump"; its only entries made by systemd-coredump */
	uint32_t owner; /* of folder and files besides root: 0, or our own uid where we have no privileges (tests) */
	uint64_t max;          /* bytes */
};

/*
 * Opens the core named by COREDUMP_FILENAME into the crash, sets its state, size, inode and whether the owner may
 * read it. 0 also when there is no file to open any more (state says so). -EBADMSG: it is not what the entry claims,
 * with a reason (static text). -ENOMEM.
 */
int corefile_open(const struct corefile_policy *policy, struct crash *crash, const char **ret_reason);
