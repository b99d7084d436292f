/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See export-private.h. */
#include "report/export-private.h"

#include <inttypes.h>

#include "report/json.h"

const char *export_command(json_object *report) {
	return json_get_string(report, "process.command") ?: json_get_string(report, "process.executable.name") ?: "process";
}

json_object *export_thread(json_object *report, size_t k) {
	json_object *threads = json_get_array(report, "threads");
	size_t n = threads ? json_object_array_length(threads) : 0, seen = 0;

	if (k == 0)
		return json_get_object(report, "crash.thread") ?: json_get_object(report, "crash");
	for (size_t i = 0; i < n; i++) {
		json_object *thread = json_object_array_get_idx(threads, i);

		if (!json_get_true(thread, "crashed") && ++seen == k)
			return thread;
	}
	return NULL;
}

json_object *export_thread_stack(json_object *report, json_object *thread, size_t k) {
	return json_get_object(k == 0 ? report : thread, "stack");
}

const char *export_thread_name(json_object *thread, char buffer[static EXPORT_THREAD_BYTES]) {
	const char *name = json_get_string(thread, "name");
	int64_t id = 0;

	json_get_integer(thread, "id", &id);
	if (name)
		snprintf(buffer, EXPORT_THREAD_BYTES, "%.64s [%" PRIi64 "]", name, id);
	else
		snprintf(buffer, EXPORT_THREAD_BYTES, "thread %" PRIi64, id);
	return buffer;
}

const char *export_frame_name(json_object *frame) {
	if (json_get_true(frame, "signal_frame"))
		return "(signal delivered here)";
	return json_get_string(frame, "function") ?: json_get_string(frame, "module") ?: json_get_string(frame, "pc") ?: "?";
}

int64_t export_frame_bytes(json_object *frame) {
	int64_t bytes, count = 1;

	if (json_get_integer(frame, "total_bytes", &bytes))
		return MAX(bytes, INT64_C(0));
	json_get_integer(frame, "count", &count);
	if (!json_get_integer(frame, "bytes", &bytes) || bytes < 0 || __builtin_mul_overflow(bytes, count, &bytes))
		return 0;
	return MAX(bytes, INT64_C(0));
}

const char *export_relative(const char *path, const char *folder) {
	size_t n = folder ? strlen(folder) : 0;

	return n > 1 && strncmp(path, folder, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}
