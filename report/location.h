/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a crash is, for a line of text or a label: the one function and source line that a person would look at first.
 */
#pragma once

#include <json-c/json.h>

#include "util/macro.h"

struct location {
	const char *function, *file; /* borrowed from the report; NULL unknown */
	int64_t line;                /* 0 unknown */
};

/* The culprit that the verdict names; else the innermost frame at the fault that is the program's own; else the
 * innermost with a name. */
struct location location_of_crash(json_object *report);

/* The index among stack.frames of the first frame at the fault: those before it are a handler's, and the kernel's
 * signal frame. 0 if none is. */
size_t location_fault_frame(json_object *report);

const char *location_base_name(const char *path); /* what follows the last '/' */

/* Whether a frame is a C library's or a language runtime's, which nobody looks at first. */
bool location_is_runtime(json_object *frame);
