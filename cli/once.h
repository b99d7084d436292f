/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports that stand twice in collected journals: whoever sends over a network sends again when the answer was lost. A
 * report and its update have one id and differ in the message id. Copies are known by both, by the machine, by the
 * entry's time, and by the sender's uid: an entry of somebody else hides nothing.
 */
#pragma once

#include <systemd/sd-journal.h>

#include "cli/options.h"

struct once;

int once_new(struct once **ret_once);
void once_free(struct once *once);
DEFINE_CLEANUP(struct once *, once_free);

/* 1: the current entry was not there before (or has no id, or is not trusted); 0: it was; or -ENOMEM. */
int once_add(struct once *once, sd_journal *j, const struct options *options);
/* Forgets all. NULL is fine. */
void once_clear(struct once *once);
