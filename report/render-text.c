/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report for a person: the verdict in one line, then why, the stack, what to do, and last what only a bug report
 * needs. One function a section; a section with nothing to say is left out.
 */
#include "report/json.h"
#include "report/location.h"
#include "report/render.h"
#include "util/text.h"

#include <inttypes.h>

#define WIDTH_DEFAULT 100

static const struct {
	const char *confidence;
	enum ink ink;
	const char *words;
} degrees[] = {
	{ "certain", INK_RED, "certain" },
	{ "likely", INK_YELLOW, "likely" },
	{ "possible", INK_BOLD, "possible, not proven" },
};

/* A sentence begins with a capital, unless it begins with the name of something. */
static bool begins_with_word(const char *s, const char *name) {
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");

	return n > 1 && (s[n] == ' ' || s[n] == ',') && !(name && strlen(name) == n && strncmp(s, name, n) == 0);
}

static void render_verdict(const struct paint *paint, json_object *report) {
	const char *summary = json_get_string(report, "verdict.summary") ?: "the process crashed",
		   *word = json_get_string(report, "verdict.confidence");
	_cleanup_free_ char *line = strdup(summary);
	enum ink ink = INK_BOLD;

	for (size_t i = 0; word && i < ELEMENTSOF(degrees); i++)
		if (streq(word, degrees[i].confidence))
			ink = degrees[i].ink;
	if (!line)
		return;
	if (begins_with_word(line, location_of_crash(report).function))
		line[0] = (char)(line[0] - 'a' + 'A');
	paint_paragraph(paint, ink, "● ", line);
}

/* "rec[2860], SIGSEGV (address not mapped), certain · 2026-11-22 11:58:18 UTC". */
static void render_subject(const struct paint *paint, json_object *report) {
	const char *command = json_get_string(report, "process.command") ?: json_get_string(report, "process.executable.name");
	const char *signal = json_get_string(report, "crash.signal.name"),
		   *text = json_get_string(report, "crash.signal.description");
	const char *original = json_get_string(report, "crash.fault.signal.name");
	const char *word = json_get_string(report, "verdict.confidence"), *time = json_get_string(report, "time"),
		   *user;
	int64_t pid;

	paint_format(paint, INK_PLAIN, "  %s", command ?: "process");
	if (json_get_integer(report, "process.pid", &pid) && pid > 0)
		paint_format(paint, INK_PLAIN, "[%" PRIi64 "]", pid);
	user = json_get_string(report, "process.user.name");
	if (user)
		paint_format(paint, INK_PLAIN, " of user %s", user);
	/* A handler made another signal of it, or the same by hand. */
	if (original && signal && !streq(original, signal))
		paint_format(paint, INK_PLAIN, " · %s, then %s", original, signal);
	else if (signal)
		paint_format(paint, INK_PLAIN, " · %s%s%s%s", signal, text ? " (" : "", text ? text : "",
		             text ? ")" : "");
	for (size_t i = 0; word && i < ELEMENTSOF(degrees); i++)
		if (streq(word, degrees[i].confidence))
			paint_format(paint, INK_PLAIN, " · %s", degrees[i].words);
	if (time && strlen(time) >= 19)
		paint_format(paint, INK_PLAIN, " · %.10s %.8s UTC", time, time + 11);
	paint_line(paint);
}

static void render_place(const struct paint *paint, json_object *report) {
	static const struct {
		const char *path, *label;
	} places[] = {
		{ "process.executable.path", "program" },
		{ "process.command_line", "command" },
		{ "process.unit", "unit" },
		{ "process.user_unit", "unit" },
	};
	const char *shown = "";

	for (size_t i = 0; i < ELEMENTSOF(places); i++) {
		const char *value = json_get_string(report, places[i].path);

		if (!value || streq(value, shown))
			continue;
		shown = value;
		paint_text(paint, INK_DIM, "  ");
		paint_cell(paint, INK_DIM, places[i].label, 9, CELL_LEFT);
		paint_cell(paint, INK_DIM, value,
		           MIN(paint_columns(paint, value), (size_t)MAX(paint->style.width, 40u) - 11), CELL_NAME);
		paint_line(paint);
	}
}

static void render_detail(const struct paint *paint, json_object *report) {
	const char *detail = json_get_string(report, "verdict.detail");

	if (!detail)
		return;
	paint_line(paint);
	paint_paragraph(paint, INK_PLAIN, "  ", detail);
}

static void render_evidence(const struct paint *paint, json_object *report) {
	json_object *evidence = json_get_array(report, "verdict.evidence");

	if (!evidence || json_object_array_length(evidence) == 0)
		return;
	paint_heading(paint, "Evidence");
	for (size_t i = 0; i < json_object_array_length(evidence); i++) {
		json_object *item = json_object_array_get_idx(evidence, i);

		if (json_object_is_type(item, json_type_string))
			paint_paragraph(paint, INK_PLAIN, "  • ", json_object_get_string(item));
	}
}

/* The words of region.kind for people; others are shown as they are. */
static const char *region_words(const char *kind) {
	static const char *const words[][2] = {
		{ "null-page", "a null pointer's page" },
		{ "stack", "on a stack" },
		{ "stack-guard", "in a stack's guard" },
		{ "below-stack", "below the main stack" },
		{ "heap", "in the heap" },
		{ "unmapped", "not mapped" },
		{ "module", "in a program file" },
		{ "non-canonical", "no valid address on this CPU" },
		{ "kernel", "an address of the kernel" },
		{ "anonymous", "in anonymous memory" },
		{ "file", "in a mapped file" },
		{ "vdso", "in the vdso" },
	};

	for (size_t i = 0; i < ELEMENTSOF(words); i++)
		if (streq(kind, words[i][0]))
			return words[i][1];
	return kind;
}

/* The instruction that faulted, and what it did. */
static void render_fault(const struct paint *paint, json_object *report) {
	const char *text = json_get_string(report, "crash.fault.instruction.text"),
		   *access = json_get_string(report, "crash.fault.access");
	const char *address = json_get_string(report, "crash.fault.address"),
		   *kind = json_get_string(report, "crash.fault.region.kind");
	const char *name = json_get_string(report, "crash.fault.region.name"),
		   *pc = json_get_string(report, "crash.fault.pc");

	if (!text && !address)
		return;
	paint_heading(paint, "Fault");
	if (text) {
		paint_format(paint, INK_PLAIN, "  %s%s%s", pc ? pc : "", pc ? "  " : "", text);
		paint_line(paint);
	}
	if (address) {
		paint_format(paint, INK_PLAIN, "  %s %s%s%s%s%s%s",
		             access && !streq(access, "unknown") ? access : "access", address, kind ? ", " : "",
		             kind ? region_words(kind) : "", name ? " (" : "", name ? name : "", name ? ")" : "");
		paint_line(paint);
	}
}

/* What else was found and might be the truth: only claims, and only where the verdict is not certain. */
static void render_alternatives(const struct paint *paint, json_object *report) {
	json_object *findings = json_get_array(report, "findings");
	const char *word = json_get_string(report, "verdict.confidence");
	bool heading = false;

	if (!findings || (word && streq(word, "certain")))
		return;
	for (size_t i = 1; i < json_object_array_length(findings); i++) {
		json_object *finding = json_object_array_get_idx(findings, i);
		const char *summary = json_get_string(finding, "summary");

		if (!summary || json_get_true(finding, "supports"))
			continue;
		if (!heading)
			paint_heading(paint, "It could also be");
		heading = true;
		paint_paragraph(paint, INK_PLAIN, "  • ", summary);
	}
}

static void render_suggestions(const struct paint *paint, json_object *report) {
	json_object *suggestions = json_get_array(report, "verdict.suggestions");

	if (!suggestions || json_object_array_length(suggestions) == 0)
		return;
	paint_heading(paint, "What to do");
	for (size_t i = 0; i < json_object_array_length(suggestions); i++) {
		json_object *item = json_object_array_get_idx(suggestions, i);
		const char *text = json_get_string(item, "text"), *command = json_get_string(item, "command");
		char number[32];

		snprintf(number, sizeof(number), "  %zu. ", i + 1);
		if (text)
			paint_paragraph(paint, INK_PLAIN, number, text);
		if (command) {
			/* Not wrapped, so that it can be copied. */
			paint_blanks(paint, paint_columns(paint, number) + 4);
			paint_text(paint, INK_BLUE, command);
			paint_line(paint);
		}
	}
}

static void render_warnings(const struct paint *paint, json_object *report) {
	json_object *warnings = json_get_array(report, "warnings");
	const char *stop = json_get_string(report, "stack.stop_reason");
	size_t n = warnings ? json_object_array_length(warnings) : 0;

	if (n == 0 && !stop)
		return;
	paint_heading(paint, "Not known");
	for (size_t i = 0; i < n; i++) {
		const char *message = json_get_string(json_object_array_get_idx(warnings, i), "message");

		if (message)
			paint_paragraph(paint, INK_YELLOW, "  ! ", message);
	}
	if (stop)
		paint_paragraph(paint, INK_YELLOW, "  ! the stack may go on: ", stop);
}

static void render_footer(const struct paint *paint, json_object *report) {
	const char *id = json_get_string(report, "report_id"), *fingerprint = json_get_string(report, "fingerprint.id"),
		   *core = json_get_string(report, "core.path");
	const char *since = json_get_string(report, "fingerprint.first_seen");
	char buffer[40];
	int64_t seen;

	paint_line(paint);
	paint_format(paint, INK_DIM, "report %s", id ? id : "?");
	if (json_get(report, "revision"))
		paint_format(paint, INK_DIM, " (updated)");
	if (fingerprint)
		paint_format(paint, INK_DIM, " · fingerprint %.16s", fingerprint);
	if (json_get_integer(report, "fingerprint.seen", &seen) && seen > 1)
		paint_format(paint, INK_DIM, ", seen %s times%s%.10s",
		             text_group((uint64_t)seen, buffer, sizeof(buffer)), since ? " since " : "",
		             since ? since : "");
	if (core)
		paint_format(paint, INK_DIM, " · core %s", core);
	paint_line(paint);
}

int report_render_text(json_object *report, const struct report_style *style, FILE *out) {
	struct paint paint = { .out = out, .style = *style };

	if (paint.style.width == 0)
		paint.style.width = WIDTH_DEFAULT;
	/* A line for which there is no memory is left out; the painters return nothing, but malloc() tells. */
	errno = 0;
	render_verdict(&paint, report);
	render_subject(&paint, report);
	render_place(&paint, report);
	render_detail(&paint, report);
	render_evidence(&paint, report);
	render_fault(&paint, report);
	render_stack(&paint, report);
	render_alternatives(&paint, report);
	render_suggestions(&paint, report);
	render_warnings(&paint, report);
	render_footer(&paint, report);
	if (ferror(out))
		return -EIO;
	return errno == ENOMEM ? -ENOMEM : 0;
}

/* A thread's stack has the form of the report's own, so it is shown as that of a report. */
static int render_thread(const struct paint *paint, json_object *thread) {
	_cleanup_json_ json_object *report = json_object_new_object();
	json_object *crash = json_object_new_object();
	int r = json_add(report, "crash", crash);

	if (r >= 0)
		r = json_add(crash, "thread", json_object_get(thread));
	if (r >= 0 && json_get_object(thread, "stack"))
		r = json_add(report, "stack", json_object_get(json_get_object(thread, "stack")));
	if (r >= 0)
		render_stack(paint, report);
	return r;
}

int report_render_stacks(json_object *report, bool threads, const struct report_style *style, FILE *out) {
	struct paint paint = { .out = out, .style = *style };
	json_object *others = json_get_array(report, "threads");
	int r = 0;

	if (paint.style.width == 0)
		paint.style.width = WIDTH_DEFAULT;
	paint.style.whole = true;
	render_verdict(&paint, report);
	render_subject(&paint, report);
	render_stack(&paint, report);
	for (size_t i = 0; threads && others && i < json_object_array_length(others) && r >= 0; i++) {
		json_object *thread = json_object_array_get_idx(others, i);

		if (!json_get_true(thread, "crashed"))
			r = render_thread(&paint, thread);
	}
	return r < 0 ? r : ferror(out) ? -EIO : 0;
}
