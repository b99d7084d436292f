/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A core file given by name: opened with care, and what its attributes (user.coredump.*) and its name
 * (core.COMM.UID.BOOT.PID.USEC, both systemd-coredump's) say of the crash. Both are only hints about a file that
 * anybody may have made.
 */
#pragma once

#include "report/report.h"

struct corefile {
	int fd;
	bool is_stdin;
	char *path;                /* absolute where that can be had; NULL for standard input */
	struct report_input input; /* points into what follows */
	char command[64], boot_id[40];
	char executable[4096], host_name[256];
};

/* name: a path, or "-". Tells its errors, one line. 0 or -errno. */
int corefile_open(const char *name, struct corefile *ret);
void corefile_done(struct corefile *core);

/* The parts of a file name that systemd-coredump gave, into core->input. false: it is no such name. For tests. */
bool corefile_parse_name(const char *name, struct corefile *core);
