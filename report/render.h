/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between render-text.c and render-stack.c. */
#pragma once

#include "report/paint.h"

/* "Stack of …": the bar, the folded frames, the largest functions. Nothing where the report has no stack. */
void render_stack(const struct paint *paint, json_object *report);
