/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between journal.c and journal-open.c. */
#pragma once

#include <systemd/sd-journal.h>

#include "cli/options.h"

/* Without matches. Tells its errors. */
int journal_open_files(const struct options *options, sd_journal **ret);
