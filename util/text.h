/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Strings from hostile places made fit for a journal field, a terminal and JSON: valid UTF-8, no control characters (an ESC in a program's name
 * must not reach a terminal, and journalctl turns such values into byte arrays).
 */
#pragma once

#include "util/macro.h"

/* Copies at most length bytes of s (which need not be terminated) into buffer of `size` bytes: control characters and DEL become '?', invalid UTF-8
 * becomes U+FFFD, C1 controls and bidirectional overrides become '?'; cut at a character's border, always terminated. Returns the bytes written without the NUL. */
size_t text_clean(const char *s, size_t length, char *buffer, size_t size);
/* The same into memory the caller frees; NULL without memory. */
char *text_clean_dup(const char *s, size_t length);
/* "439 872" with thin grouping by plain spaces, into buffer (≥ 32 bytes), returned. */
const char *text_group(uint64_t value, char *buffer, size_t size);
/* "2 MiB", "429.6 KiB", "17 bytes", into buffer (≥ 32 bytes), returned. */
const char *text_bytes(uint64_t value, char *buffer, size_t size);
/* Cuts s in place to at most max bytes at a character's border, ending in "…" when something was cut (max ≥ 4). */
void text_ellipsize(char *s, size_t max);
