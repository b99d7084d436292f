/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where output goes: a terminal through a pager, or a file. Decides about colour, UTF-8 and width by the usual
 * environment variables. */
#pragma once

#include <sys/types.h>

#include "report/paint.h"

struct terminal {
	struct paint paint; /* out is stdout, whatever is behind it */
	bool is_terminal;
	pid_t pager; /* or 0 */
};

/* pager: start one if standard output is a terminal ($SYSTEMD_PAGER, $PAGER, less). Never fails: without a pager there
 * is none. */
void terminal_open(struct terminal *ret, bool pager);
/* Whether standard output is a pipe that nobody reads any more: `| head`, which is no error. */
bool terminal_reader_is_gone(void);
/* Flushes and waits for the pager. Output that could not be written is told, unless its reader has gone. 0 or -EIO. */
int terminal_close(struct terminal *terminal);
