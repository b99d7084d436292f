/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the button "Open report" does. */
#pragma once

#include "cli/options.h"

/* Writes the page of the report with this id (hex; a file is named after it), as it stands in the journal of the options,
 * and has xdg-open show it. Waits for nobody. Errors are told. */
void notify_open(const struct options *options, const char *id);
