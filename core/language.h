/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The language of a program without debug info, by what else its file shows. */
#pragma once

#include "core/core.h"

/* Sets the program module's language where it is not known yet. After symbols. */
void language_of_program(struct core *core);
