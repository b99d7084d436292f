/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The time as one number. */
#pragma once

#include <time.h>

#include "util/macro.h"

/* Microseconds of CLOCK_REALTIME (since 1970) or CLOCK_MONOTONIC (since some start), which never fail. */
uint64_t clock_usec(clockid_t clock);
