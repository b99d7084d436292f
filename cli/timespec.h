/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Points in time as people type them after --since and --until, a part of systemd.time(7): "2026-11-22", "2026-11-22
 * 11:58[:18]" (local, or with " UTC"), "11:58", "now", "today", "yesterday", "tomorrow", "-10min", "+2h", "2 hours
 * ago", "@1795348698".
 */
#pragma once

#include "util/macro.h"

/* now: realtime in microseconds. 0, -EINVAL, or -ERANGE (before 1970, after 9999). */
int timespec_parse(const char *s, uint64_t now, uint64_t *ret_usec);
