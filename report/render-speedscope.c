/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * speedscope's "evented" profiles, in bytes: each frame opens at its distance from the outermost one and all close at
 * the end, so a frame's own weight is its size. A recursion is unfolded up to a number of frames that browsers bear;
 * beyond, a run is one frame that names its turns. Format: https://www.speedscope.app/file-format-schema.json.
 */
#include "report/export.h"

#include <inttypes.h>

#include "report/export-private.h"
#include "report/json.h"
#include "report/report.h"
#include "util/macro.h"

/* All levels of a profile. speedscope draws each as a row of its own. */
#define LEVELS_MAX 10000

struct profile {
	json_object *frames; /* shared.frames */
	json_object *index;  /* {"name\nfile:line": number} */
	json_object *opens;  /* events */
	json_object *stack;  /* numbers of the open frames, outermost first */
	int64_t at;
};

/* The number of the shared frame, made if it is new. */
static int shared_frame(struct profile *p, const char *name, json_object *place, int64_t *ret) {
	const char *file = json_get_string(place, "file");
	_cleanup_free_ char *key = NULL;
	json_object *known, *frame;
	int64_t line = 0;
	int r;

	json_get_integer(place, "line", &line);
	if (asprintf(&key, "%s\n%s:%" PRIi64, name, file ?: "", line) < 0) {
		key = NULL;
		return -ENOMEM;
	}
	if (json_object_object_get_ex(p->index, key, &known)) {
		*ret = json_object_get_int64(known);
		return 0;
	}
	*ret = (int64_t)json_object_array_length(p->frames);
	frame = json_object_new_object();
	r = json_append(p->frames, frame);
	if (r >= 0)
		r = json_add_string(frame, "name", name, 2048);
	if (r >= 0)
		r = json_add_string(frame, "file", file, 4096);
	if (r >= 0 && file && line > 0)
		r = json_add_integer(frame, "line", line);
	return r >= 0 ? json_add_integer(p->index, key, *ret) : r;
}

static int add_event(json_object *events, const char *type, int64_t frame, int64_t at) {
	json_object *event = json_object_new_object();
	int r = json_append(events, event);

	if (r >= 0)
		r = json_add_string(event, "type", type, 1);
	if (r >= 0)
		r = json_add_integer(event, "frame", frame);
	return r >= 0 ? json_add_integer(event, "at", at) : r;
}

static int open_frame(struct profile *p, const char *name, json_object *place, int64_t bytes) {
	int64_t number, next;
	int r = shared_frame(p, name, place, &number);

	if (r >= 0)
		r = add_event(p->opens, "O", number, p->at);
	if (r >= 0)
		r = json_append(p->stack, json_object_new_int64(number));
	if (r >= 0 && !__builtin_add_overflow(p->at, bytes, &next))
		p->at = next;
	return r;
}

/* One turn of a cycle, or one frame. */
static int open_turn(struct profile *p, json_object *frame) {
	json_object *turn = json_get_array(frame, "turn"), *cycle = json_get_array(frame, "cycle");
	size_t n = turn ? json_object_array_length(turn) : cycle ? json_object_array_length(cycle) : 0;
	int64_t bytes = 0;
	int r = 0;

	if (n < 2) {
		json_get_integer(frame, "bytes", &bytes);
		return open_frame(p, export_frame_name(frame), frame, MAX(bytes, INT64_C(0)));
	}
	/* Innermost first in the report, outermost first here. */
	for (size_t i = n; i-- > 0 && r >= 0;) {
		json_object *one = turn ? json_object_array_get_idx(turn, i) : NULL;

		bytes = 0;
		/* A shortened report knows only the bytes of the whole turn. */
		if (!json_get_integer(one, "bytes", &bytes) && i == 0)
			json_get_integer(frame, "bytes", &bytes);
		r = open_frame(p, one ? export_frame_name(one) : json_object_get_string(json_object_array_get_idx(cycle, i)),
		               one ?: frame, MAX(bytes, INT64_C(0)));
	}
	return r;
}

static int open_run(struct profile *p, json_object *frame, int64_t levels_left) {
	int64_t count = 1, turn = (int64_t)MAX(json_get_count(frame, "cycle"), (size_t)1), all;
	_cleanup_free_ char *name = NULL;
	int r = 0;

	json_get_integer(frame, "count", &count);
	if (__builtin_mul_overflow(count, turn, &all) || all > levels_left) {
		if (asprintf(&name, "%s ×%" PRIi64, export_frame_name(frame), count) < 0) {
			name = NULL;
			return -ENOMEM;
		}
		return open_frame(p, name, frame, export_frame_bytes(frame));
	}
	for (int64_t i = 0; i < count && r >= 0; i++)
		r = open_turn(p, frame);
	return r;
}

static int add_events(struct profile *p, json_object *stack) {
	json_object *frames = json_get_array(stack, "frames");
	size_t n = frames ? json_object_array_length(frames) : 0;
	int r = 0;

	for (size_t i = n; i-- > 0 && r >= 0;) {
		int64_t left = LEVELS_MAX - (int64_t)json_object_array_length(p->stack) - (int64_t)i;

		r = open_run(p, json_object_array_get_idx(frames, i), left);
	}
	for (size_t i = json_object_array_length(p->stack); i-- > 0 && r >= 0;)
		r = add_event(p->opens, "C", json_object_get_int64(json_object_array_get_idx(p->stack, i)), p->at);
	return r;
}

static int add_profile(json_object *profiles, json_object *frames, json_object *index, const char *name,
                       json_object *stack) {
	_cleanup_json_ json_object *open = json_object_new_array(), *events = json_object_new_array(),
				   *profile = json_object_new_object();
	struct profile p = { .frames = frames, .index = index, .opens = events, .stack = open };
	int r;

	if (!open || !events || !profile)
		return -ENOMEM;
	r = add_events(&p, stack);
	/* A profile without frames is none that can be drawn. */
	if (r < 0 || json_object_array_length(events) == 0)
		return r;
	r = json_add_string(profile, "type", "evented", 16);
	if (r >= 0)
		r = json_add_string(profile, "name", name, 256);
	if (r >= 0)
		r = json_add_string(profile, "unit", "bytes", 16);
	if (r >= 0)
		r = json_add_integer(profile, "startValue", 0);
	if (r >= 0)
		r = json_add_integer(profile, "endValue", p.at);
	if (r >= 0)
		r = json_add(profile, "events", json_object_get(events));
	return r >= 0 ? json_append(profiles, json_object_get(profile)) : r;
}

static int add_profiles(json_object *profiles, json_object *frames, json_object *index, json_object *report) {
	json_object *thread;
	int r = 0;

	for (size_t k = 0; r >= 0 && (thread = export_thread(report, k)); k++) {
		char label[EXPORT_THREAD_BYTES], name[256];

		snprintf(name, sizeof(name), "%.100s: %s%s", export_command(report), export_thread_name(thread, label),
		         k == 0 ? " (crashed)" : "");
		r = add_profile(profiles, frames, index, name, export_thread_stack(report, thread, k));
	}
	return r;
}

int report_render_speedscope(json_object *reports, FILE *out) {
	_cleanup_json_ json_object *file = json_object_new_object(), *index = json_object_new_object(),
				   *frames = json_object_new_array(), *profiles = json_object_new_array();
	json_object *shared;
	const char *json;
	int r;

	if (!file || !index || !frames || !profiles)
		return -ENOMEM;
	shared = json_object_new_object();
	r = json_add(file, "shared", shared);
	if (r >= 0)
		r = json_add_string(file, "$schema", "https://www.speedscope.app/file-format-schema.json", 256);
	for (size_t i = 0; i < json_object_array_length(reports) && r >= 0; i++)
		r = add_profiles(profiles, frames, index, json_object_array_get_idx(reports, i));
	if (r >= 0)
		r = json_add(shared, "frames", json_object_get(frames));
	if (r >= 0)
		r = json_add(file, "profiles", json_object_get(profiles));
	if (r >= 0)
		r = json_add_integer(file, "activeProfileIndex", 0);
	if (r >= 0)
		r = json_add_string(file, "exporter", "corewatch", 32);
	json = r >= 0 ? report_to_json(file, false, NULL) : NULL;
	if (!json)
		return -ENOMEM;
	fprintf(out, "%s\n", json);
	return ferror(out) ? -EIO : 0;
}
