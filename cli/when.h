/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times of reports: from RFC 3339 as report/json.c writes it, and to what systemd's tools print. */
#pragma once

#include "util/macro.h"

/* Microseconds since 1970. false: not of our own form. */
bool when_parse(const char *s, uint64_t *ret_usec);
/* "Sun 2026-11-22 11:58:18 UTC", in the local zone. */
enum { WHEN_BYTES = 64 };
const char *when_local(uint64_t usec, char buffer[static WHEN_BYTES]);
/* "2026-11-22", in the local zone. */
const char *when_day(uint64_t usec, char buffer[static WHEN_BYTES]);
