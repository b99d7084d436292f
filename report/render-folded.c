/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Folded stacks: a line for each item of the folded stack, from the thread outwards in, with the bytes that the item
 * itself takes. A recursion is one step with its number of turns, as one line for each turn would make the text
 * quadratic. Format: https://github.com/brendangregg/FlameGraph, "stackcollapse".
 */
#include "report/export.h"

#include <inttypes.h>

#include "report/export-private.h"
#include "report/json.h"
#include "util/macro.h"

/* A ';' ends a step, and the last blank begins the number. */
static void put_step(FILE *out, const char *s) {
	for (; *s; s++)
		fputc(*s == ';' ? ':' : *s, out);
}

static void put_name(FILE *out, json_object *frame) {
	json_object *cycle = json_get_array(frame, "cycle");
	int64_t count = 1;

	if (cycle && json_object_array_length(cycle) > 1)
		for (size_t i = json_object_array_length(cycle); i-- > 0;) {
			put_step(out, json_object_get_string(json_object_array_get_idx(cycle, i)));
			fputs(i > 0 ? " → " : "", out);
		}
	else
		put_step(out, export_frame_name(frame));
	if (json_get_integer(frame, "count", &count) && count > 1)
		fprintf(out, " ×%" PRIi64, count);
}

static void render_thread(FILE *out, const char *command, const char *thread, json_object *stack) {
	json_object *frames = json_get_array(stack, "frames");
	size_t n = frames ? json_object_array_length(frames) : 0;

	/* Frames stand innermost first; item i is called by i + 1. */
	for (size_t i = n; i-- > 0;) {
		int64_t bytes = export_frame_bytes(json_object_array_get_idx(frames, i));

		if (bytes <= 0)
			continue;
		put_step(out, command);
		fputc(';', out);
		put_step(out, thread);
		for (size_t k = n; k-- > i;) {
			fputc(';', out);
			put_name(out, json_object_array_get_idx(frames, k));
		}
		fprintf(out, " %" PRIi64 "\n", bytes);
	}
}

int report_render_folded(json_object *reports, FILE *out) {
	for (size_t i = 0; i < json_object_array_length(reports); i++) {
		json_object *report = json_object_array_get_idx(reports, i), *thread;
		char name[EXPORT_THREAD_BYTES];

		for (size_t k = 0; (thread = export_thread(report, k)); k++)
			render_thread(out, export_command(report), export_thread_name(thread, name),
			              export_thread_stack(report, thread, k));
	}
	return ferror(out) ? -EIO : 0;
}
