/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes a report fit one journal field. The order in which things go is the format's (README, "The journal entry"):
 * what repeats the verdict word for word, then other threads' frames, modules without frames, memory, inlined chains,
 * frames from the middle of the stack, directories of paths. Verdict, evidence, suggestions, fault, bounds and the
 * largest functions stay. What comes after that is in shorten-hard.c.
 */
#include "report/json.h"
#include "report/location.h"
#include "report/report.h"
#include "report/shorten.h"

/* Frames that the format's own steps leave: the innermost tell what happened, the outermost which thread it is. The
 * last resort leaves fewer. */
#define FRAMES_KEPT 8

bool shortening_fits(const struct shortening *s) {
	return json_size(s->report) <= s->max;
}

/* Keeps first + last items of an array. */
void shortening_cut(json_object *array, size_t first, size_t last) {
	size_t n = json_object_array_length(array);

	if (n > first + last)
		json_object_array_del_idx(array, first, n - first - last);
}

/* ── the steps; each 0 or -ENOMEM ── */

static int drop_repetition(struct shortening *s) {
	json_object *findings = json_get_array(s->report, "findings"), *first;
	static const char *const repeated[] = { "detail", "evidence", "facts", "suggestions" };
	const char *id = json_get_string(s->report, "verdict.id");

	first = findings && json_object_array_length(findings) > 0 ? json_object_array_get_idx(findings, 0) : NULL;
	if (!id || !first || !streq(json_get_string(first, "id") ?: "", id))
		return 0;
	for (size_t i = 0; i < ELEMENTSOF(repeated); i++)
		json_drop(first, repeated[i]);
	return 0;
}

static int drop_thread_frames(struct shortening *s) {
	json_object *threads = json_get_array(s->report, "threads");

	for (size_t i = 0; threads && i < json_object_array_length(threads); i++)
		json_drop(json_object_array_get_idx(threads, i), "stack");
	return 0;
}

static bool has_frames(json_object *frames, json_object *module) {
	const char *path = json_get_string(module, "path");

	for (size_t i = 0; path && frames && i < json_object_array_length(frames); i++) {
		const char *name = json_get_string(json_object_array_get_idx(frames, i), "module");

		if (name && streq(location_base_name(name), location_base_name(path)))
			return true;
	}
	return false;
}

static int drop_modules(struct shortening *s) {
	json_object *modules = json_get_array(s->report, "modules"),
		    *frames = json_get_array(s->report, "stack.frames"), *kept;
	int r = 0;

	if (!modules)
		return 0;
	kept = json_object_new_array();
	if (!kept)
		return -ENOMEM;
	for (size_t i = 0; i < json_object_array_length(modules) && r >= 0; i++) {
		json_object *module = json_object_array_get_idx(modules, i);

		if (has_frames(frames, module))
			r = json_append(kept, json_object_get(module));
	}
	if (r < 0) {
		json_object_put(kept);
		return r;
	}
	return json_add(s->report, "modules", kept);
}

static int drop_memory(struct shortening *s) {
	json_drop(s->report, "memory");
	return 0;
}

/* And the places of a cycle's functions, of which "cycle" keeps the names. */
static int drop_inlined(struct shortening *s) {
	json_object *frames = json_get_array(s->report, "stack.frames");

	for (size_t i = 0; frames && i < json_object_array_length(frames); i++) {
		json_drop(json_object_array_get_idx(frames, i), "inlined");
		json_drop(json_object_array_get_idx(frames, i), "turn");
	}
	return 0;
}

static uint64_t frames_in(json_object *frames, size_t from, size_t to) {
	uint64_t sum = 0;

	for (size_t i = from; i < to; i++) {
		json_object *frame = json_object_array_get_idx(frames, i);
		int64_t count = 1;
		uint64_t n;

		json_get_integer(frame, "count", &count);
		if (!mul_u64((uint64_t)MAX(count, INT64_C(1)), MAX(json_get_count(frame, "cycle"), (size_t)1), &n) ||
		    !add_u64(sum, n, &sum))
			return INT64_MAX;
	}
	return sum;
}

static int note_omitted(json_object *stack, uint64_t more) {
	int64_t omitted = 0;
	uint64_t sum;

	json_get_integer(stack, "frames_omitted", &omitted);
	if (!add_u64(more, (uint64_t)omitted, &sum) || sum > INT64_MAX)
		sum = INT64_MAX;
	return json_add_integer(stack, "frames_omitted", (int64_t)sum);
}

/*
 * Leaves `keep` items, a third of them (rounded down) at the outer end, and says how many frames of the process are
 * gone. Where a handler ran after the fault and the fault itself would fall into the gap, the handler's frames go
 * first: they tell nothing of the crash.
 */
static int cut_frames(json_object *stack, size_t keep, size_t fault) {
	json_object *frames = json_get_array(stack, "frames");
	size_t n = json_object_array_length(frames), last = keep / 3, first = keep - last;
	uint64_t gone = 0;

	if (n <= keep)
		return 0;
	if (fault >= first && fault < n) {
		gone = frames_in(frames, 0, fault);
		json_object_array_del_idx(frames, 0, fault);
		n -= fault;
	}
	if (n > keep && !add_u64(gone, frames_in(frames, first, n - last), &gone))
		gone = INT64_MAX;
	shortening_cut(frames, first, last);
	return note_omitted(stack, gone);
}

/* As few as needed: the most frames that fit are searched for by halving, each try on a fresh copy of the list. */
int shortening_drop_frames(struct shortening *s, size_t floor) {
	json_object *stack = json_get_object(s->report, "stack");
	size_t n = json_get_count(stack, "frames"), low = floor, high = n, fault = location_fault_frame(s->report);
	_cleanup_json_ json_object *whole = NULL;
	int r;

	if (n <= floor)
		return 0;
	whole = json_object_get(stack);
	while (low < high) {
		size_t keep = high - (high - low) / 2;
		json_object *cut = json_copy(whole);

		/* Replaces the member; `whole` is held by the guard. */
		r = json_add(s->report, "stack", cut);
		if (r >= 0)
			r = cut_frames(cut, keep, fault);
		if (r < 0)
			return r;
		if (shortening_fits(s))
			low = keep;
		else
			high = keep - 1;
	}
	r = json_add(s->report, "stack", take_ptr(whole));
	return r >= 0 ? cut_frames(json_get_object(s->report, "stack"), low, fault) : r;
}

static int drop_middle_frames(struct shortening *s) {
	return shortening_drop_frames(s, FRAMES_KEPT);
}

static int strip_directory(json_object *item, const char *key) {
	const char *path = json_get_string(item, key), *name = path ? location_base_name(path) : NULL;

	return path && name != path ? json_add(item, key, json_object_new_string(name)) : 0;
}

static int strip_directories(struct shortening *s) {
	static const struct {
		const char *array, *key;
	} places[] = {
		{ "stack.frames", "file" },
		{ "stack.frames", "module" },
		{ "stack.by_function", "module" },
		{ "modules", "path" },
	};
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(places); i++) {
		json_object *array = json_get_array(s->report, places[i].array);

		for (size_t k = 0; array && k < json_object_array_length(array) && r >= 0; k++)
			r = strip_directory(json_object_array_get_idx(array, k), places[i].key);
	}
	return r;
}

static int run_steps(struct shortening *s) {
	static int (*const steps[])(struct shortening *) = {
		drop_repetition, drop_thread_frames, drop_modules,      drop_memory,
		drop_inlined,    drop_middle_frames, strip_directories, shortening_last_resort,
	};
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(steps) && r >= 0 && !shortening_fits(s); i++)
		r = steps[i](s);
	return r;
}

int report_shorten(json_object *report, size_t max, char **ret_json, bool *ret_truncated) {
	_cleanup_json_ json_object *copy = NULL;
	bool truncated = json_size(report) > max;
	const char *json;
	char *text;
	int r;

	if (truncated) {
		copy = json_copy(report);
		if (!copy)
			return -ENOMEM;
		r = json_add(copy, "truncated", json_object_new_boolean(true));
		if (r >= 0)
			r = run_steps(&(struct shortening){ .report = copy, .max = max });
		if (r < 0)
			return r;
	}
	json = report_to_json(copy ?: report, false, NULL);
	text = json ? strdup(json) : NULL;
	if (!text)
		return -ENOMEM;
	*ret_json = text;
	*ret_truncated = truncated;
	return 0;
}
