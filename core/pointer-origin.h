/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which variable the program took the pointer from that a faulting instruction used. */
#pragma once

#include "core/core.h"

/* See cw_find_pointer(). NULL: not known. */
const struct cw_variable *pointer_origin(struct core *core, const char *register_name, uint64_t address);
