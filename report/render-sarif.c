/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SARIF 2.1.0: one run, a result for each report with its stack, a rule for each kind of verdict. Only what is needed to
 * find the place and understand it. Format: OASIS, Static Analysis Results Interchange Format 2.1.0, sections 3.14, 3.27
 * and 3.44.
 */
#include "report/export.h"

#include <ctype.h>
#include <inttypes.h>

#include "report/export-private.h"
#include "report/json.h"
#include "report/location.h"
#include "report/report.h"
#include "util/macro.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

/* Of a stack: viewers show a list. */
#define FRAMES_MAX 200
#define TEXT_MAX 8192

/* "error", "warning" and "note" are how sure it is. */
static const char *const levels[][2] = { { "certain", "error" }, { "likely", "error" }, { "possible", "warning" } };

static int child(json_object *parent, const char *key, json_object **ret) {
	json_object *object = json_object_new_object();
	int r = key ? json_add(parent, key, object) : json_append(parent, object);

	if (r >= 0)
		*ret = object;
	return r;
}

/* "[word](address)" is a link in a message (section 3.11.6), and names of functions may have any text in them: none is
 * one with a blank between. */
static char *without_links(const char *text) {
	char *copy = malloc(strlen(text) * 2 + 1), *at = copy;

	for (; copy && *text; text++) {
		*at++ = *text;
		if (text[0] == ']' && text[1] == '(')
			*at++ = ' ';
	}
	if (copy)
		*at = 0;
	return copy;
}

static int add_text(json_object *parent, const char *key, const char *text) {
	_cleanup_free_ char *plain = without_links(text && *text ? text : "?");
	json_object *message;
	int r = plain ? child(parent, key, &message) : -ENOMEM;

	return r >= 0 ? json_add_string(message, "text", plain, TEXT_MAX) : r;
}

/* A relative reference, or a file: URI; every byte that is not plain is encoded (RFC 3986). */
static char *uri_of(const char *path, const char *folder) {
	const char *relative = export_relative(path, folder);
	size_t length;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	fputs(*relative == '/' ? "file://" : "", out);
	for (const char *s = relative; *s; s++)
		if (isalnum((unsigned char)*s) || strchr("-._~/", *s))
			fputc(*s, out);
		else
			fprintf(out, "%%%02X", (unsigned)(unsigned char)*s);
	return fclose(out) == 0 ? text : NULL;
}

static int add_physical(json_object *location, const char *file, int64_t line, const char *folder) {
	json_object *physical, *artifact, *region;
	_cleanup_free_ char *uri = uri_of(file, folder);
	int r = uri ? child(location, "physicalLocation", &physical) : -ENOMEM;

	if (r >= 0)
		r = child(physical, "artifactLocation", &artifact);
	if (r >= 0)
		r = json_add_string(artifact, "uri", uri, 4 * 4096);
	if (r < 0 || line <= 0)
		return r;
	r = child(physical, "region", &region);
	return r >= 0 ? json_add_integer(region, "startLine", line) : r;
}

static int add_function(json_object *location, const char *function) {
	json_object *logical = json_object_new_array(), *item;
	int r = json_add(location, "logicalLocations", logical);

	if (r >= 0)
		r = child(logical, NULL, &item);
	if (r >= 0)
		r = json_add_string(item, "fullyQualifiedName", function, 2048);
	return r >= 0 ? json_add_string(item, "kind", "function", 16) : r;
}

static int add_frame(json_object *frames, json_object *frame, const char *folder) {
	const char *file = json_get_string(frame, "file"), *module = json_get_string(frame, "module");
	json_object *item, *location;
	int64_t count = 1, line = 0;
	char text[2304];
	int r = child(frames, NULL, &item);

	json_get_integer(frame, "count", &count);
	json_get_integer(frame, "line", &line);
	snprintf(text, sizeof(text), count > 1 ? "%.2000s, %" PRIi64 " times" : "%.2000s", export_frame_name(frame), count);
	if (r >= 0)
		r = child(item, "location", &location);
	if (r >= 0)
		r = add_text(location, "message", text);
	if (r >= 0 && file)
		r = add_physical(location, file, line, folder);
	return r >= 0 ? json_add_string(item, "module", module, 4096) : r;
}

static int add_stack(json_object *result, json_object *report, const char *folder) {
	json_object *frames = json_get_array(report, "stack.frames"), *stacks = json_object_new_array(), *stack, *list;
	size_t n = frames ? json_object_array_length(frames) : 0;
	int r = json_add(result, "stacks", stacks);

	if (r < 0 || n == 0)
		return r;
	r = child(stacks, NULL, &stack);
	if (r >= 0)
		r = add_text(stack, "message", "stack of the crashed thread, innermost frame first");
	list = json_object_new_array();
	if (r < 0) {
		json_object_put(list);
		return r;
	}
	r = json_add(stack, "frames", list);
	for (size_t i = 0; i < MIN(n, (size_t)FRAMES_MAX) && r >= 0; i++)
		r = add_frame(list, json_object_array_get_idx(frames, i), folder);
	return r;
}

static int add_location(json_object *result, json_object *report, const char *folder) {
	struct location at = location_of_crash(report);
	json_object *locations = json_object_new_array(), *location;
	const char *executable = json_get_string(report, "process.executable.path");
	int r = json_add(result, "locations", locations);

	if (r >= 0 && (at.file || at.function || executable))
		r = child(locations, NULL, &location);
	else
		return r;
	/* Code scanning shows no result without a file: the program itself, where no source is known. */
	if (r >= 0 && (at.file || executable))
		r = add_physical(location, at.file ?: executable, at.file ? at.line : 0, folder);
	return r >= 0 && at.function ? add_function(location, at.function) : r;
}

static int add_message(json_object *result, json_object *report) {
	json_object *suggestions = json_get_array(report, "verdict.suggestions");
	const char *detail = json_get_string(report, "verdict.detail");
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return -ENOMEM;
	fprintf(out, "%s: %s", export_command(report), json_get_string(report, "verdict.summary") ?: "crashed");
	if (detail)
		fprintf(out, ". %s", detail);
	for (size_t i = 0; suggestions && i < json_object_array_length(suggestions); i++)
		fprintf(out, " (%zu) %s", i + 1,
		        json_get_string(json_object_array_get_idx(suggestions, i), "text") ?: "");
	if (fclose(out) != 0)
		return -ENOMEM;
	return add_text(result, "message", text);
}

static int add_result(json_object *results, json_object *report, const char *folder) {
	const char *word = json_get_string(report, "verdict.confidence"), *level = "error",
		   *fingerprint = json_get_string(report, "fingerprint.id");
	json_object *result, *prints;
	int r = child(results, NULL, &result);

	for (size_t i = 0; word && i < ELEMENTSOF(levels); i++)
		if (streq(word, levels[i][0]))
			level = levels[i][1];
	if (r >= 0)
		r = json_add_string(result, "ruleId", json_get_string(report, "verdict.id") ?: "unknown", 64);
	if (r >= 0)
		r = json_add_string(result, "level", level, 16);
	if (r >= 0)
		r = add_message(result, report);
	if (r >= 0)
		r = add_location(result, report, folder);
	if (r >= 0)
		r = add_stack(result, report, folder);
	if (r >= 0 && fingerprint) {
		r = child(result, "partialFingerprints", &prints);
		if (r >= 0)
			r = json_add_string(prints, "corewatchFingerprint/v1", fingerprint, 64);
	}
	return r;
}

static int add_rules(json_object *driver, json_object *reports) {
	_cleanup_json_ json_object *known = json_object_new_object();
	json_object *rules = json_object_new_array(), *rule;
	int r = json_add(driver, "rules", rules);

	for (size_t i = 0; known && i < json_object_array_length(reports) && r >= 0; i++) {
		const char *id = json_get_string(json_object_array_get_idx(reports, i), "verdict.id") ?: "unknown";

		if (json_get(known, id))
			continue;
		r = json_add_integer(known, id, 1);
		if (r >= 0)
			r = child(rules, NULL, &rule);
		if (r >= 0)
			r = json_add_string(rule, "id", id, 64);
	}
	return known ? r : -ENOMEM;
}

static int add_run(json_object *runs, json_object *reports, const char *folder) {
	json_object *run, *tool, *driver, *results;
	int r = child(runs, NULL, &run);

	if (r >= 0)
		r = child(run, "tool", &tool);
	if (r >= 0)
		r = child(tool, "driver", &driver);
	if (r >= 0)
		r = json_add_string(driver, "name", "corewatch", 32);
	if (r >= 0)
		r = json_add_string(driver, "semanticVersion", PACKAGE_VERSION, 32);
	if (r >= 0)
		r = add_rules(driver, reports);
	if (r < 0)
		return r;
	results = json_object_new_array();
	r = json_add(run, "results", results);
	for (size_t i = 0; i < json_object_array_length(reports) && r >= 0; i++)
		r = add_result(results, json_object_array_get_idx(reports, i), folder);
	return r;
}

int report_render_sarif(json_object *reports, const char *folder, FILE *out) {
	_cleanup_json_ json_object *file = json_object_new_object();
	json_object *runs;
	const char *json;
	int r;

	if (!file)
		return -ENOMEM;
	runs = json_object_new_array();
	r = json_add(file, "runs", runs);
	if (r >= 0)
		r = json_add_string(file, "$schema", "https://json.schemastore.org/sarif-2.1.0.json", 256);
	if (r >= 0)
		r = json_add_string(file, "version", "2.1.0", 16);
	if (r >= 0)
		r = add_run(runs, reports, folder);
	json = r >= 0 ? report_to_json(file, true, NULL) : NULL;
	if (!json)
		return -ENOMEM;
	fprintf(out, "%s\n", json);
	return ferror(out) ? -EIO : 0;
}
