/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Follows the code of a function from its start up to where a frame stands in it, and keeps track of what the registers
 * hold, to learn with which arguments it has called one of a few given functions (x86-64).
 *
 * Straight on, without branches: good enough for the functions that threads begin with.
 */
#pragma once

#include "core/core.h"

enum { NAMERS_MAX = 8 };

/* A function that names the calling thread. */
struct namer {
	uint64_t address;
	bool is_prctl;         /* its second argument, if the first is PR_SET_NAME */
};

struct name_walk;

/* namers are copied. 0 or -ENOMEM. Free with name_walk_free(). */
int name_walk_new(struct core *core, const struct namer *namers, size_t n, struct name_walk **ret_walk);
void name_walk_free(struct name_walk *walk);
DEFINE_CLEANUP(struct name_walk *, name_walk_free);

/* The last name that the function of this frame gave to its thread before it came to where it stands; in the core's
 * arena. NULL: none. */
const char *name_walk_function(struct name_walk *walk, const struct cw_frame *frame);
