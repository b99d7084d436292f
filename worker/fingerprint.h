/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What makes two crashes "the same bug": see fingerprint.c. */
#pragma once

#include "core/core.h"
#include "util/hash.h"

#define FINGERPRINT_FRAMES 8u

struct fingerprint {
	char id[HASH_TEXT_SIZE];      /* by function names: stable over builds, ASLR and depth */
	char build[HASH_TEXT_SIZE];   /* by build-id and offset: exact, works for stripped programs */
	const char *algorithm;
	const char *basis[FINGERPRINT_FRAMES + 3]; /* what went into id, for people */
	size_t n_basis;
};

/* verdict: the winning finding's id, or NULL; culprit: the function it names, or NULL. 0 or -ENOMEM. */
int fingerprint_make(struct core *core, const char *verdict, const char *culprit, struct fingerprint *ret_fingerprint);
