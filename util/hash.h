/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names for things: the first 128 bits of SHA-256 (libmd) over length-prefixed parts, so that ("ab","c") and ("a","bc") differ. */
#pragma once

#include "util/macro.h"

#define HASH_TEXT_SIZE 33 /* 32 hex digits and NUL */

struct hash;

/* 0 or -ENOMEM. Free with hash_free(). */
int hash_new(struct hash **ret_hash);
void hash_free(struct hash *hash);
DEFINE_CLEANUP(struct hash *, hash_free);

void hash_add(struct hash *hash, const void *data, size_t length);
void hash_add_string(struct hash *hash, const char *s); /* NULL counts as "" */
void hash_add_u64(struct hash *hash, uint64_t value);
/* Writes 32 lower-case hex digits and a NUL. The hash is used up. */
void hash_finish(struct hash *hash, char ret_text[static HASH_TEXT_SIZE]);
