/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What else asks corewatchd to mute. */
#pragma once

#include "util/macro.h"

/* Writes the caller's wish into the journal, where corewatchd finds it. what: as mute_is_valid() of report/mute.h;
 * until_usec: realtime, MUTE_FOREVER, or 0 to take it back. 0 or -errno. */
int mute_send(const char *what, uint64_t until_usec);
