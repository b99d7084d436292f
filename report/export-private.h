/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the renderers of export.h share: names and sizes of frames and threads. */
#pragma once

#include <json-c/json.h>

#include "util/macro.h"

const char *export_command(json_object *report);

/* The k-th thread to be written, the crashed one first (k = 0: crash.thread); NULL beyond the last. */
json_object *export_thread(json_object *report, size_t k);
json_object *export_thread_stack(json_object *report, json_object *thread, size_t k);
/* Its name, else "thread ID". */
enum { EXPORT_THREAD_BYTES = 96 };
const char *export_thread_name(json_object *thread, char buffer[static EXPORT_THREAD_BYTES]);

/* The function, else where it is. Never NULL. Borrowed. */
const char *export_frame_name(json_object *frame);
/* Of all frames that the item stands for; 0 unknown. */
int64_t export_frame_bytes(json_object *frame);

/* path relative to folder where it is below it; else as it is. */
const char *export_relative(const char *path, const char *folder);
