/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between shorten.c and shorten-hard.c. */
#pragma once

#include <json-c/json.h>

#include "util/macro.h"

struct shortening {
	json_object *report; /* a copy that may be changed */
	size_t max;          /* bytes of compact JSON */
};

bool shortening_fits(const struct shortening *s);
/* Keeps the first and the last items of an array. */
void shortening_cut(json_object *array, size_t first, size_t last);
/* Drops items from the middle of stack.frames, as few as are needed, down to floor. 0 or -ENOMEM. */
int shortening_drop_frames(struct shortening *s, size_t floor);
/* 0 or -ENOMEM. */
int shortening_last_resort(struct shortening *s);
