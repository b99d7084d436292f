/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last resort of shorten.c, where the format's order of dropping was not enough. First goes what the rest of the
 * journal entry, or the core, also says; then lists and texts are cut by ever smaller limits, summaries and suggestions
 * last. It always fits in the end, and verdict, evidence, suggestions, fault, bounds and the largest functions are
 * always there, however hostile the report.
 */
#include "report/json.h"
#include "report/shorten.h"

/* null and absent say the same. Facts are not ours to judge. */
static void drop_nulls_of(json_object *value) {
	const char *empty;

	if (json_object_is_type(value, json_type_array))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			drop_nulls_of(json_object_array_get_idx(value, i));
	if (!json_object_is_type(value, json_type_object))
		return;
	do {
		empty = NULL;
		json_object_object_foreach(value, key, member) {
			if (!member)
				empty = key;
			else if (!streq(key, "facts"))
				drop_nulls_of(member);
		}
		if (empty)
			json_object_object_del(value, empty);
	} while (empty);
}

static int drop_nulls(struct shortening *s) {
	drop_nulls_of(s->report);
	return 0;
}

/* Reduces the findings that are not the verdict to what says that they exist. */
static int strip_findings(struct shortening *s) {
	static const char *const members[] = { "detail", "evidence", "facts", "suggestions" };
	json_object *findings = json_get_array(s->report, "findings");

	for (size_t i = 0; findings && i < json_object_array_length(findings); i++)
		for (size_t k = 0; k < ELEMENTSOF(members); k++)
			json_drop(json_object_array_get_idx(findings, i), members[k]);
	return 0;
}

/* What other fields of the entry, or the core, also say; least missed first. Only as much as needed. */
static int strip_context(struct shortening *s) {
	static const struct {
		const char *object, *key;
	} places[] = {
		{ "crash", "registers" },
		{ "core", "journal_cursor" },
		{ "fingerprint", "basis" },
		{ "stack", "use" },
		{ "process", "cgroup" },
		{ "process", "slice" },
		{ "process", "container" },
		{ "generator", "cpu_seconds" },
		{ "generator", "peak_memory_bytes" },
		{ "generator", "analysis_seconds" },
		{ "host", "id" },
		{ "host", "boot_id" },
		{ "host", "os" },
		{ "process.executable", "name" },
		{ "fingerprint", "build" },
	};

	for (size_t i = 0; i < ELEMENTSOF(places) && !shortening_fits(s); i++)
		json_drop(json_get_object(s->report, places[i].object), places[i].key);
	return 0;
}

static int thin_frames(struct shortening *s) {
	static const char *const members[] = { "cfa", "offset", "column", "total_bytes", "index" };
	json_object *frames = json_get_array(s->report, "stack.frames");

	for (size_t k = 0; frames && k < ELEMENTSOF(members) && !shortening_fits(s); k++)
		for (size_t i = 0; i < json_object_array_length(frames); i++)
			json_drop(json_object_array_get_idx(frames, i), members[k]);
	return 0;
}

/* The largest functions stay; that there are also small ones is no news. */
static int drop_small_functions(struct shortening *s) {
	json_object *functions = json_get_array(s->report, "stack.by_function");

	for (size_t keep = 4; functions && keep >= 2 && !shortening_fits(s); keep -= 2)
		shortening_cut(functions, keep, 0);
	return 0;
}

static int drop_other_findings(struct shortening *s) {
	json_object *findings = json_get_array(s->report, "findings");

	for (size_t i = findings ? json_object_array_length(findings) : 0; i > 1 && !shortening_fits(s); i--)
		json_object_array_del_idx(findings, i - 1, 1);
	return 0;
}

/* Of the list of threads the crashed one is in crash.thread too, and a path would have to be whole to be of use. */
static int drop_others(struct shortening *s) {
	static const struct {
		const char *object, *key;
	} places[] = {
		{ NULL, "modules" }, { NULL, "threads" },          { "process", "command_line" },
		{ "core", "path" },  { "stack.bounds", "source" },
	};

	for (size_t i = 0; i < ELEMENTSOF(places) && !shortening_fits(s); i++)
		json_drop(places[i].object ? json_get_object(s->report, places[i].object) : s->report, places[i].key);
	return 0;
}

static int drop_all_but_four_frames(struct shortening *s) {
	return shortening_drop_frames(s, 4);
}

/* The fault stays; what can be had from elsewhere in the report, or from its address, goes. */
static int strip_fault(struct shortening *s) {
	static const struct {
		const char *object, *key;
	} places[] = {
		{ "crash.fault", "cause_text" },   { "crash.fault.region", "before" },
		{ "crash.fault.region", "after" }, { "crash.fault.instruction", "operands" },
		{ "crash.fault", "signal" },       { "verdict", "detail" },
	};
	json_object *original = json_get(s->report, "crash.fault.signal"),
		    *signal = json_get(s->report, "crash.signal");

	for (size_t i = 0; i < ELEMENTSOF(places) && !shortening_fits(s); i++) {
		json_object *object = json_get_object(s->report, places[i].object);

		/* Behind a handler the two signals differ, and the original is the point. */
		if (object && (!streq(places[i].key, "signal") || json_object_equal(original, signal)))
			json_drop(object, places[i].key);
	}
	return 0;
}

static int drop_all_but_two_frames(struct shortening *s) {
	return shortening_drop_frames(s, 2);
}

/* What is compared, not read: cutting it would make it wrong, and each is short by its shape. */
static bool is_identity(const char *key) {
	static const char *const keys[] = { "schema", "report_id", "time",    "id",         "analyzer", "build",
		                            "gnu",    "build_id",  "boot_id", "first_seen", NULL };

	for (size_t i = 0; keys[i]; i++)
		if (streq(key, keys[i]))
			return true;
	return false;
}

struct limits {
	size_t text, items;
	bool all; /* else summaries and suggestions are spared */
};

static int limit_value(json_object *value, const char *key, const struct limits *limits, json_object **ret_new);

/* Facts and registers are the only objects with members without number: the schema's largest has 16. */
static void limit_members(json_object *object, size_t most) {
	while ((size_t)json_object_object_length(object) > most) {
		const char *last = NULL;

		json_object_object_foreach(object, key, unused) {
			(void)unused;
			last = key;
		}
		json_object_object_del(object, last);
	}
}

static int limit_object(json_object *object, const struct limits *limits) {
	json_object_object_foreach(object, key, value) {
		json_object *replaced = NULL;
		int r;

		if (!limits->all && (streq(key, "summary") || streq(key, "suggestions")))
			continue;
		r = limit_value(value, key, limits, &replaced);
		/* Replacing the value of a member that is there keeps the table as it is. */
		if (r >= 0 && replaced)
			r = json_add(object, key, replaced);
		if (r < 0)
			return r;
	}
	limit_members(object, 16 + limits->items);
	return 0;
}

static int limit_array(json_object *array, const struct limits *limits) {
	shortening_cut(array, limits->items, 0);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		json_object *replaced = NULL;
		int r = limit_value(json_object_array_get_idx(array, i), "", limits, &replaced);

		if (r >= 0 && replaced && json_object_array_put_idx(array, i, replaced) < 0) {
			json_object_put(replaced);
			r = -ENOMEM;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int limit_value(json_object *value, const char *key, const struct limits *limits, json_object **ret_new) {
	if (json_object_is_type(value, json_type_object))
		return limit_object(value, limits);
	if (json_object_is_type(value, json_type_array))
		return limit_array(value, limits);
	if (json_object_is_type(value, json_type_string) && (size_t)json_object_get_string_len(value) > limits->text &&
	    !is_identity(key)) {
		*ret_new = json_new_clean_string(json_object_get_string(value),
		                                 (size_t)json_object_get_string_len(value), limits->text);
		return *ret_new ? 0 : -ENOMEM;
	}
	return 0;
}

/* By ever smaller limits, until it fits. The smallest texts still say something, and words of the schema (at most 14
 * letters) are never cut. */
static int limit_all(struct shortening *s) {
	static const struct limits limits[] = {
		{ 1024, 32, false }, { 512, 16, false }, { 256, 8, false }, { 200, 7, false }, { 160, 6, false },
		{ 128, 5, false },   { 96, 4, false },   { 64, 3, false },  { 256, 6, true },  { 160, 4, true },
		{ 96, 3, true },     { 48, 3, true },    { 24, 2, true },   { 24, 1, true },
	};
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(limits) && r >= 0 && !shortening_fits(s); i++)
		r = limit_object(s->report, &limits[i]);
	return r;
}

int shortening_last_resort(struct shortening *s) {
	static int (*const steps[])(struct shortening *) = {
		drop_nulls,           strip_findings, strip_context,
		thin_frames,          drop_others,    drop_all_but_four_frames,
		drop_small_functions, strip_fault,    drop_all_but_two_frames,
		drop_other_findings,  limit_all,
	};
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(steps) && r >= 0 && !shortening_fits(s); i++)
		r = steps[i](s);
	return r;
}
