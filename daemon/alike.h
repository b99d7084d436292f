/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The early fingerprint: whether two crashes look alike, from their journal entries alone, before anything is spent
 * on them. It serves the limits of a storm only; a report's fingerprint comes from the core.
 */
#pragma once

#include "daemon/crash.h"

/* Program, uid, signal, and the innermost frames that systemd-coredump wrote into MESSAGE=. 0 or -ENOMEM. */
int alike_fingerprint(const struct crash *crash, char ret_text[static HASH_TEXT_SIZE]);
/* What the limits call the program: its path, or its name where the path is unknown. */
const char *alike_program(const struct crash *crash);
