/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --field=: one field of each matching entry, a line each; for list and info. */
#pragma once

#include "cli/options.h"

/* Returns the exit status. */
int field_print(const struct options *options, char **matches, size_t n_matches, uint64_t limit);
