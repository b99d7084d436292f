/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of threads. The kernel does not write them into a core (only the process's own, in NT_PRPSINFO): see thread-name.c for where they are found. */
#pragma once

#include "core/core.h"

/* Sets threads[].name. Needs frames with symbols. 0 or -ENOMEM. */
int thread_names(struct core *core);
