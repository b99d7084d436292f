/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What to keep of a core that flows by once: see plan.c. */
#pragma once

#include "core/core.h"

/* The planned pass over a stream; nothing to do for plain cores. Damage becomes a problem. 0 or -ENOMEM. */
int plan_fetch(struct core *core);
/* Another pass for what was asked for and not kept, if anything was: *ret_again says whether there is more than before. 0 or -ENOMEM. */
int plan_refetch(struct core *core, bool *ret_again);
