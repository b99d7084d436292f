/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See clock.h. */
#include "util/clock.h"

uint64_t clock_usec(clockid_t clock) {
	struct timespec ts = {};

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}
