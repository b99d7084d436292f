/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stack of a report as text: how full it is (a bar), where it went (folded frames with their bytes), and which
 * functions took most. Frames of a handler that ran after the fault, and frames that a scan found, are dim; inlined
 * functions hang below the frame that contains them.
 */
#include "report/json.h"
#include "report/location.h"
#include "report/names.h"
#include "report/render.h"
#include "util/text.h"

#include <inttypes.h>

/* Of the folded stack, what a screen holds: where it crashed, and where it came from. */
#define LINES_FIRST 22
#define LINES_LAST 8
#define INLINED_SHOWN 3
#define FUNCTIONS_SHOWN 5
/* Of a stack, in per cent: smaller ones are not listed among the largest. */
#define FUNCTION_LEAST 0.1
/* What lies above the frames is mostly a few kilobytes. */
#define PART_SHOWN 16384
#define BAR_LEAST 10
#define BAR_MOST 50

/* Columns of the table. The function's takes what is left. */
enum { INDEX_COLUMNS = 7, BYTES_COLUMNS = 12, COUNT_COLUMNS = 12, PLACE_SHARE = 3 };

static const char *grouped(int64_t value, char *buffer, size_t size) {
	return text_group(value < 0 ? 0 : (uint64_t)value, buffer, size);
}

/* ── the bar ── */

static void render_bar(const struct paint *paint, json_object *report) {
	int64_t used, limit;
	char a[40], b[40];
	size_t width = MIN(MAX(paint->style.width / 2, (unsigned)BAR_LEAST), (unsigned)BAR_MOST), filled;
	double share;

	if (!json_get_integer(report, "stack.bounds.used_bytes", &used) || used < 0)
		return;
	if (!json_get_integer(report, "stack.bounds.limit_bytes", &limit) || limit <= 0) {
		paint_format(paint, INK_PLAIN, "  %s used", text_bytes((uint64_t)used, a, sizeof(a)));
		paint_line(paint);
		return;
	}
	share = (double)used / (double)limit;
	filled = share >= 1 ? width : (size_t)(share * (double)width + 0.5);
	paint_text(paint, INK_PLAIN, "  ▕");
	for (size_t i = 0; i < width; i++)
		paint_text(paint, i < filled ? (share > 0.9 ? INK_RED : INK_GREEN) : INK_DIM, i < filled ? "█" : "░");
	paint_format(paint, INK_PLAIN, "▏ %s of %s (%.*f %%)", text_bytes((uint64_t)used, a, sizeof(a)),
	             text_bytes((uint64_t)limit, b, sizeof(b)), share < 0.1 ? 1 : 0, share * 100);
	paint_line(paint);
}

/* ── frames ── */

static void place_of(json_object *item, char *buffer, size_t size) {
	const char *file = json_get_string(item, "file"), *module = json_get_string(item, "module"),
		   *offset = json_get_string(item, "offset");
	int64_t line;

	if (file && json_get_integer(item, "line", &line))
		snprintf(buffer, size, "%s:%" PRIi64, location_base_name(file), line);
	else if (file)
		snprintf(buffer, size, "%s", location_base_name(file));
	else if (module)
		snprintf(buffer, size, "%s%s%s", location_base_name(module), offset ? "+" : "", offset ? offset : "");
	else
		buffer[0] = 0;
}

static const char *mark_of(json_object *frame) {
	const char *trust = json_get_string(frame, "trust");

	if (trust && streq(trust, "scan"))
		return "? ";
	return trust && streq(trust, "frame-pointer") ? "~ " : "";
}

/* prefix and the function's name as people like it. NULL without memory. */
static char *cell_of(const char *prefix, const char *name) {
	_cleanup_free_ char *legible = name_for_people(name ? name : "?");
	char *cell;

	return legible && asprintf(&cell, "%s%s", prefix, legible) >= 0 ? cell : NULL;
}

struct columns {
	size_t function, place;
};

static struct columns columns_for(const struct paint *paint) {
	size_t width = MAX(paint->style.width, 60u), left = width - INDEX_COLUMNS - BYTES_COLUMNS - COUNT_COLUMNS - 4;

	return (struct columns){ .function = left - left / PLACE_SHARE, .place = left / PLACE_SHARE };
}

static void render_cells(const struct paint *paint, enum ink ink, const char *index, const char *bytes,
                         const char *function, const char *place, const char *count) {
	struct columns columns = columns_for(paint);

	paint_cell(paint, INK_DIM, index, INDEX_COLUMNS, CELL_RIGHT);
	paint_cell(paint, ink, bytes, BYTES_COLUMNS, CELL_RIGHT);
	paint_blanks(paint, 2);
	if (!*place && !*count)
		paint_cell(paint, ink, function,
		           MIN(columns.function + columns.place + COUNT_COLUMNS, paint_columns(paint, function)),
		           CELL_NAME);
	else
		paint_cell(paint, ink, function, columns.function, CELL_NAME);
	if (*place || *count) {
		paint_blanks(paint, 1);
		paint_cell(paint, ink == INK_DIM ? INK_DIM : INK_PLAIN, place,
		           *count ? columns.place : MIN(columns.place, paint_columns(paint, place)), CELL_NAME);
	}
	if (*count)
		paint_format(paint, ink == INK_DIM ? INK_DIM : INK_BOLD, " %s", count);
	paint_line(paint);
}

/*
 * The rest of a cycle's functions, in a bracket below the first; with places and bytes unless the report was shortened.
 */
static void render_cycle(const struct paint *paint, enum ink ink, json_object *frame) {
	json_object *cycle = json_get_array(frame, "cycle"), *turn = json_get_array(frame, "turn");
	size_t n = json_object_array_length(cycle);

	for (size_t i = 1; i < n; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(cycle, i));
		json_object *one = turn && i < json_object_array_length(turn) ? json_object_array_get_idx(turn, i)
		                                                              : NULL;
		char bytes[40] = "", place[256];
		_cleanup_free_ char *cell = NULL;
		int64_t v;

		if (json_get_integer(one, "bytes", &v))
			grouped(v, bytes, sizeof(bytes));
		place_of(one, place, sizeof(place));
		cell = cell_of(i + 1 < n ? "│ " : "└ ", name);
		if (!cell)
			return;
		render_cells(paint, ink, "", bytes, cell, place, "");
	}
}

/* Innermost first, as they stand in the report: each was called by the one below it. */
static void render_inlined(const struct paint *paint, json_object *inlined) {
	size_t n = inlined ? json_object_array_length(inlined) : 0,
	       shown = n > INLINED_SHOWN + 1 && !paint->style.whole ? INLINED_SHOWN : n;
	char more[64];

	for (size_t i = 0; i < shown; i++) {
		json_object *item = json_object_array_get_idx(inlined, i);
		_cleanup_free_ char *cell = cell_of("", json_get_string(item, "function"));
		char place[256];

		place_of(item, place, sizeof(place));
		render_cells(paint, INK_DIM, "", "", cell ? cell : "?", place, "inlined");
	}
	if (shown < n) {
		snprintf(more, sizeof(more), "… %zu more inlined", n - shown);
		render_cells(paint, INK_DIM, "", "", more, "", "");
	}
}

static void count_text(json_object *frame, bool cycle, bool total, char *buffer, size_t size) {
	char number[40], sum[40];
	int64_t count = 1, bytes;

	json_get_integer(frame, "count", &count);
	if (count <= 1 && !cycle)
		buffer[0] = 0;
	else
		snprintf(buffer, size, "× %s%s", grouped(count, number, sizeof(number)), cycle ? " turns" : "");
	if (total && *buffer && json_get_integer(frame, "bytes", &bytes) && !__builtin_mul_overflow(bytes, count, &bytes))
		snprintf(buffer + strlen(buffer), size - strlen(buffer), " = %s", grouped(bytes, sum, sizeof(sum)));
}

static void render_frame(const struct paint *paint, json_object *frame, bool handler) {
	json_object *cycle = json_get_array(frame, "cycle");
	const char *name = json_get_string(frame, "function"), *pc = json_get_string(frame, "pc"),
		   *mark = mark_of(frame);
	bool folded = cycle && json_object_array_length(cycle) > 1, signal_frame = json_get_true(frame, "signal_frame");
	enum ink ink = handler || signal_frame || streq(mark, "? ") || location_is_runtime(frame) ? INK_DIM : INK_PLAIN;
	json_object *turn = json_get_array(frame, "turn"),
		    *first = folded && turn ? json_object_array_get_idx(turn, 0) : NULL;
	char index[32] = "", bytes[40] = "", place[256], count[96], prefix[16];
	_cleanup_free_ char *cell = NULL;
	int64_t v;

	if (json_get_integer(frame, "index", &v))
		snprintf(index, sizeof(index), "#%" PRIi64, v);
	/* In a cycle the first line has the first function's bytes, where they are known, as the others have theirs. */
	if (json_get_integer(first ? first : frame, "bytes", &v))
		grouped(v, bytes, sizeof(bytes));
	place_of(frame, place, sizeof(place));
	count_text(frame, folded, paint->style.whole, count, sizeof(count));
	if (name && streq(name, place))
		place[0] = 0;
	/* Code that was made at run time, or none at all. */
	if (!name && !place[0])
		snprintf(place, sizeof(place), "in no file");
	if (signal_frame)
		name = handler ? "(signal delivered here: above it, the handler)" : "(signal delivered here)";
	/* The mark is of one sign and a blank, and a folded frame has its bracket besides. */
	snprintf(prefix, sizeof(prefix), "%s%s", folded ? "┌ " : "", mark);
	cell = signal_frame ? strdup(name) : cell_of(prefix, name ? name : pc);
	if (!cell)
		return;
	render_inlined(paint, json_get_array(frame, "inlined"));
	render_cells(paint, ink, index, bytes, cell, signal_frame ? "" : place, count);
	if (folded)
		render_cycle(paint, ink, frame);
}

static void render_gap(const struct paint *paint, json_object *report, json_object *frames, size_t from, size_t to) {
	int64_t sum = 0, omitted = 0;
	char number[40];

	for (size_t i = from; i < to; i++) {
		json_object *frame = json_object_array_get_idx(frames, i);
		int64_t count = 1, all;
		size_t turn = MAX(json_get_count(frame, "cycle"), (size_t)1);

		json_get_integer(frame, "count", &count);
		if (__builtin_mul_overflow(count, (int64_t)turn, &all) || __builtin_add_overflow(sum, all, &sum))
			return;
	}
	json_get_integer(report, "stack.frames_omitted", &omitted);
	if (__builtin_add_overflow(sum, omitted, &sum) || sum <= 0)
		return;
	paint_blanks(paint, INDEX_COLUMNS + BYTES_COLUMNS + 2);
	paint_format(paint, INK_DIM, "… %s more frame%s", grouped(sum, number, sizeof(number)), sum == 1 ? "" : "s");
	paint_line(paint);
}

static void render_frames(const struct paint *paint, json_object *report) {
	json_object *frames = json_get_array(report, "stack.frames");
	size_t n = frames ? json_object_array_length(frames) : 0, fault = location_fault_frame(report);
	/* A shortened report lost its frames before the last third, as shorten.c has it. */
	bool cut = n > LINES_FIRST + LINES_LAST && !paint->style.whole;
	size_t first = cut ? LINES_FIRST : n - n / 3, next = cut ? n - LINES_LAST : first;

	if (n == 0)
		return;
	render_cells(paint, INK_DIM, "", "bytes", "function", "where", "");
	for (size_t i = 0; i < n; i++) {
		if (i == first)
			render_gap(paint, report, frames, first, next);
		if (i < first || i >= next)
			render_frame(paint, json_object_array_get_idx(frames, i), i < fault);
	}
}

/* What the marks mean, if there are any. */
static void render_legend(const struct paint *paint, json_object *report) {
	json_object *frames = json_get_array(report, "stack.frames");
	bool guessed = false, pointer = false;

	for (size_t i = 0; frames && i < json_object_array_length(frames); i++) {
		const char *mark = mark_of(json_object_array_get_idx(frames, i));

		guessed = guessed || *mark == '?';
		pointer = pointer || *mark == '~';
	}
	if (pointer)
		paint_paragraph(paint, INK_DIM, "  ~ ",
		                "found by the frame pointer: the program has no unwind information there");
	if (guessed)
		paint_paragraph(paint, INK_DIM, "  ? ",
		                "found by scanning the stack: may be left over from an earlier call");
}

/* ── functions ── */

/* What is no function's: always there, and only worth a line where it is large. */
static bool part_is_shown(const struct paint *paint, json_object *part) {
	int64_t bytes = 0;

	return json_get_integer(part, "bytes", &bytes) && (paint->style.whole || bytes >= PART_SHOWN);
}

static void render_parts(const struct paint *paint, json_object *parts, int64_t used) {
	static const struct {
		const char *kind, *words;
	} kinds[] = {
		{ "signal-frame", "(the kernel's signal frame)" },
		{ "static-tls", "(thread-local variables)" },
		{ "thread-control", "(the C library's record of the thread)" },
		{ "arguments", "(argc, argv, envp, auxiliary vector)" },
		{ "strings", "(strings of arguments and environment)" },
	};

	for (size_t i = 0; parts && i < json_object_array_length(parts); i++) {
		json_object *part = json_object_array_get_idx(parts, i);
		const char *kind = json_get_string(part, "kind"), *words = "(?)";
		int64_t bytes = 0;
		char share[32] = "", number[40];

		if (!part_is_shown(paint, part) || !json_get_integer(part, "bytes", &bytes))
			continue;
		for (size_t k = 0; kind && k < ELEMENTSOF(kinds); k++)
			if (streq(kind, kinds[k].kind))
				words = kinds[k].words;
		if (used > 0 && bytes <= used)
			snprintf(share, sizeof(share), "%.1f %%", 100.0 * (double)bytes / (double)used);
		render_cells(paint, INK_DIM, share, grouped(bytes, number, sizeof(number)), words, "", "");
	}
}

static void render_functions(const struct paint *paint, json_object *report) {
	json_object *functions = json_get_array(report, "stack.by_function");
	size_t n = functions ? json_object_array_length(functions) : 0;
	json_object *parts = json_get_array(report, "stack.use.parts");
	bool more = false;
	int64_t used = 0;

	for (size_t i = 0; parts && i < json_object_array_length(parts); i++)
		more = more || part_is_shown(paint, json_object_array_get_idx(parts, i));
	/* One function says no more than the frames above did. */
	if (n < 2 && !more)
		return;
	json_get_integer(report, "stack.bounds.used_bytes", &used);
	paint_heading(paint, "Largest functions");
	for (size_t i = 0; i < (paint->style.whole ? n : MIN(n, (size_t)FUNCTIONS_SHOWN)); i++) {
		json_object *item = json_object_array_get_idx(functions, i);
		const char *name = json_get_string(item, "function");
		int64_t bytes = 0, count = 0, largest = 0;
		_cleanup_free_ char *cell = NULL;
		char a[40], b[40], c[64] = "", share[32] = "", number[40];

		json_get_integer(item, "bytes", &bytes);
		json_get_integer(item, "count", &count);
		if (i > 0 && used > 0 && !paint->style.whole && 100.0 * (double)bytes < FUNCTION_LEAST * (double)used)
			break;
		if (used > 0 && bytes <= used)
			snprintf(share, sizeof(share), "%.1f %%", 100.0 * (double)bytes / (double)used);
		if (count > 1)
			snprintf(c, sizeof(c), "× %s", grouped(count, number, sizeof(number)));
		if (count > 1 && json_get_integer(item, "largest_frame_bytes", &largest))
			snprintf(b, sizeof(b), "up to %s each",
			         text_bytes((uint64_t)MAX(largest, INT64_C(0)), a, sizeof(a)));
		else
			b[0] = 0;
		cell = cell_of("", name);
		render_cells(paint, INK_PLAIN, share, grouped(bytes, number, sizeof(number)), cell ? cell : "?", b, c);
	}
	render_parts(paint, parts, used);
}

void render_stack(const struct paint *paint, json_object *report) {
	const char *thread = json_get_string(report, "crash.thread.name");
	int64_t count = 0, id = 0, threads = 0;
	char number[40], title[256];

	if (!json_get_array(report, "stack.frames"))
		return;
	json_get_integer(report, "stack.frame_count", &count);
	json_get_integer(report, "crash.thread.id", &id);
	json_get_integer(report, "thread_count", &threads);
	snprintf(title, sizeof(title), "Stack of thread %.64s", thread ? thread : "?");
	if (!thread && id > 0)
		snprintf(title, sizeof(title), "Stack of thread %" PRIi64, id);
	snprintf(title + strlen(title), sizeof(title) - strlen(title), ", %s frame%s",
	         grouped(count, number, sizeof(number)), count == 1 ? "" : "s");
	if (threads > 1)
		snprintf(title + strlen(title), sizeof(title) - strlen(title), " (%" PRIi64 " other thread%s)",
		         threads - 1, threads == 2 ? "" : "s");
	paint_heading(paint, title);
	render_bar(paint, report);
	render_frames(paint, report);
	render_legend(paint, report);
	render_functions(paint, report);
}
