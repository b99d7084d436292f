/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sanitizer: a sanitizer of GCC's or LLVM's found an error and aborted (abort_on_error=1). Its own functions are on the
 * stack; the report that it printed is usually still in memory, where its frames point at it, and its first line names
 * the kind of error. Else the function that was called to report names it.
 *
 * A sanitizer's signal handler is no finding of its own: there the signal that it caught is the story.
 */
#include <inttypes.h>
#include <string.h>

#include "words.h"

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))
#define REPORT_LINE_MAX 1000
/* Words of one frame that are tried; AddressSanitizer's hold whole reports. */
#define WORDS_MAX 1024

static const char *const frame_names[] = { "__asan::*", "__asan_*", "__sanitizer::*", "__ubsan::*", "__ubsan_*",
	"__tsan::*", "__msan::*", "__msan_*", "__lsan::*", "__hwasan::*", "__hwasan_*", NULL };

static const struct {
	const char *prefix, *name, *title;
} tools[] = {
	{ "__asan", "asan", "AddressSanitizer" },
	{ "__hwasan", "hwasan", "HWAddressSanitizer" },
	{ "__tsan", "tsan", "ThreadSanitizer" },
	{ "__msan", "msan", "MemorySanitizer" },
	{ "__lsan", "lsan", "LeakSanitizer" },
	{ "__ubsan", "ubsan", "UndefinedBehaviorSanitizer" },
};

/* Kinds by the function that reports, where there is no text. */
static const struct {
	const char *names[3];
	const char *kind;
} reporters[] = {
	{ { "__asan::ReportDoubleFree*", NULL }, "double-free" },
	{ { "__asan::ReportFreeNotMalloced*", NULL }, "bad-free" },
	{ { "__asan::ReportNewDeleteSizeMismatch*", NULL }, "new-delete-type-mismatch" },
	{ { "__asan::ReportAllocTypeMismatch*", NULL }, "alloc-dealloc-mismatch" },
	{ { "__asan::ReportStringFunctionMemoryRangesOverlap*", NULL }, "param-overlap" },
	{ { "__lsan::*", NULL }, "memory-leak" },
	{ { "__ubsan_handle_divrem_overflow*", NULL }, "division-overflow" },
	{ { "__ubsan_handle_add_overflow*", "__ubsan_handle_sub_overflow*", NULL }, "signed-integer-overflow" },
	{ { "__ubsan_handle_mul_overflow*", "__ubsan_handle_negate_overflow*", NULL }, "signed-integer-overflow" },
	{ { "__ubsan_handle_shift_out_of_bounds*", NULL }, "shift-out-of-bounds" },
	{ { "__ubsan_handle_out_of_bounds*", NULL }, "index-out-of-bounds" },
	{ { "__ubsan_handle_type_mismatch*", "__ubsan_handle_nonnull*", NULL }, "null-or-misaligned-pointer" },
	{ { "__ubsan_handle_builtin_unreachable*", "__ubsan_handle_missing_return*", NULL }, "unreachable-code" },
	{ { "__ubsan_handle_vla_bound*", NULL }, "vla-bound" },
	{ { "__ubsan_handle_float_cast_overflow*", NULL }, "float-cast-overflow" },
	{ { "__ubsan_handle_load_invalid_value*", NULL }, "invalid-value" },
	{ { "__ubsan_handle_pointer_overflow*", NULL }, "pointer-overflow" },
	{ { "__ubsan_handle_dynamic_type_cache_miss*", NULL }, "vptr-mismatch" },
};

static const struct {
	const char *kind, *advice;
} advices[] = {
	{ "use-after-free",
	    "uses memory that was freed: the report in the program's output shows where it was freed and allocated" },
	{ "buffer-overflow",
	    "accesses memory past a buffer: compare the index or length with the size that the report names" },
	{ "use-after-return", "uses a local of a function that returned: do not keep its address" },
	{ "use-after-scope", "uses a local outside of its block: declare it in the outer one" },
	{ "double-free", "frees what was freed already: the report shows by whom" },
	{ "stack-overflow", "ran out of stack" },
	{ "overflow", "computes what its type cannot hold: use a wider type or check first (__builtin_add_overflow)" },
	{ "data race", "and another thread access the same memory without a lock: the report shows both" },
};

struct report {
	const char *line; /* "ERROR: AddressSanitizer: heap-use-after-free on address …", or NULL */
	const char *kind; /* or NULL */
	const char *how;  /* the kind is known, if not by that line */
	uint64_t line_at;
};

/* The line of a report that an address lies at the start or in the first lines of; NULL: no report. */
static const char *report_line(const struct cw_core *core, uint64_t address) {
	static const char *const marks[] = { "ERROR: AddressSanitizer: ", "ERROR: HWAddressSanitizer: ",
		"WARNING: ThreadSanitizer: ", "WARNING: MemorySanitizer: ", "ERROR: LeakSanitizer: ",
		"runtime error: " };
	char buffer[REPORT_LINE_MAX + 1];

	if (cw_read(core, address, buffer, REPORT_LINE_MAX) < 0)
		return NULL;
	buffer[REPORT_LINE_MAX] = 0;
	for (size_t i = 0; i < COUNT(marks); i++) {
		const char *mark = strstr(buffer, marks[i]);

		if (mark)
			return words_read_text(core, address + (uint64_t)(mark - buffer), strcspn(mark, "\n\033"));
	}
	return NULL;
}

static void find_report(const struct words_stack *stack, size_t first, size_t last, struct report *r) {
	const struct cw_core *core = stack->core;
	uint64_t low, high, word;

	for (size_t i = first; i <= last && !r->line; i++) {
		if (!words_frame_bytes(stack, i, &low, &high))
			continue;
		for (uint64_t at = low, n = 0; at + core->word_bytes <= high && n < WORDS_MAX && !r->line;
		     at += core->word_bytes, n++) {
			const struct cw_mapping *m;

			if (cw_read_word(core, at, &word) < 0 || word < 65536)
				continue;
			m = cw_find_mapping(core, word);
			/* Reports are printed into memory of the sanitizer's own. */
			if (m && (m->perm & CW_PERM_WRITE))
				r->line = report_line(core, r->line_at = word);
		}
	}
}

/* "heap-use-after-free" of "ERROR: AddressSanitizer: heap-use-after-free on address 0x…". */
static const char *kind_of_line(const struct cw_core *core, const char *line) {
	const char *start = strstr(line, "Sanitizer: "), *end;

	if (!start)
		return NULL;
	start += 11;
	end = strstr(start, " on ");
	if (!end)
		end = strstr(start, " (");
	if (!end || end - start > 40)
		end = start + strcspn(start, " ");
	return cw_format(core, "%.*s", (int)(end - start), start);
}

/* AddressSanitizer scores what it found by a text such as "4-byte-read-heap-use-after-free", which lies in the error
 * object on its stack. */
static const char *find_score(const struct words_stack *stack, size_t first, size_t last) {
	static const char *const kinds[] = { "heap-use-after-free", "heap-buffer-overflow", "stack-buffer-overflow",
		"stack-buffer-underflow", "global-buffer-overflow", "stack-use-after-return", "stack-use-after-scope",
		"container-overflow", "use-after-poison", "dynamic-stack-buffer-overflow", "intra-object-overflow" };
	char buffer[4096 + 1];
	uint64_t low, high;

	for (size_t i = first; i <= last; i++) {
		size_t n;

		if (!words_match(words_function(stack->frames[i]), (const char *const[]){ "__asan::Report*", NULL }) ||
		    !words_frame_bytes(stack, i, &low, &high))
			continue;
		n = high - low < sizeof(buffer) - 1 ? (size_t)(high - low) : sizeof(buffer) - 1;
		if (cw_read(stack->core, low, buffer, n) < 0)
			continue;
		for (size_t k = 0; k < COUNT(kinds); k++)
			if (memmem(buffer, n, kinds[k], strlen(kinds[k])))
				return kinds[k];
	}
	return NULL;
}

static void find_kind(const struct words_stack *stack, size_t first, size_t last, struct report *r) {
	if (r->line)
		r->kind = kind_of_line(stack->core, r->line);
	if (!r->kind) {
		r->kind = find_score(stack, first, last);
		r->how = "the error object on the stack of its report function is named";
	}
	for (size_t i = 0; !r->kind && i < COUNT(reporters); i++)
		if (words_find(stack, first, reporters[i].names) <= last) {
			r->kind = reporters[i].kind;
			r->how = "the function that it was reported with tells the kind";
		}
}

/* The sanitizer by its functions; __sanitizer:: is common to all. */
static size_t find_tool(const struct words_stack *stack, size_t first, size_t last) {
	for (size_t i = first; i <= last; i++)
		for (size_t k = 0; k < COUNT(tools); k++)
			if (words_function(stack->frames[i]) &&
			    strncmp(words_function(stack->frames[i]), tools[k].prefix, strlen(tools[k].prefix)) == 0)
				return k;
	return COUNT(tools);
}

static void suggest(const struct report *r, const struct words_place *place, struct cw_finding *f) {
	const char *function = place && place->function ? place->function : "the code";

	for (size_t i = 0; r->kind && i < COUNT(advices); i++)
		if (strstr(r->kind, advices[i].kind)) {
			cw_finding_suggest(f, "fix-access", NULL, "%s() %s", function, advices[i].advice);
			return;
		}
	cw_finding_suggest(f, "read-report", NULL,
	    "the sanitizer's full report is in the program's output: it shows what %s() did, and where the memory comes from",
	    function);
}

static int run(const struct cw_core *core, struct cw_run *host) {
	struct words_stack stack;
	struct words_place place;
	struct report report = {};
	size_t first, last, tool;
	const char *title;
	struct cw_finding *f;
	bool placed;

	words_stack_init(&stack, core, core->crashed);
	first = words_find(&stack, 0, frame_names);
	if (first == stack.n)
		return 0;
	for (size_t i = 0; i < first; i++)
		if (!words_is_runtime(stack.frames[i]))
			return 0; /* the program aborts inside of a call that the sanitizer made */
	last = first;
	while (last + 1 < stack.n && words_is_runtime(stack.frames[last + 1]) &&
	    words_match(words_function(stack.frames[last + 1]), frame_names))
		last++;
	tool = find_tool(&stack, first, last);
	title = tool < COUNT(tools) ? tools[tool].title : "a sanitizer";
	find_report(&stack, first, last, &report);
	find_kind(&stack, first, last, &report);
	placed = words_find_place(&stack, last, &place);
	f = cw_finding_add(host, "sanitizer-report", words_trust(&stack, last, CW_CERTAIN), "%s stopped %s%s%s", title,
	    placed ? place.text : "the program", report.kind ? ": " : "", report.kind ? report.kind : "");
	cw_finding_evidence(
	    f, "frame %u is %s()", stack.frames[last]->index, words_bare(core, words_function(stack.frames[last])));
	if (report.kind && report.how)
		cw_finding_evidence(f, "%s: %s", report.how, report.kind);
	if (report.line)
		cw_finding_evidence(f, "its report, at 0x%" PRIx64 ", says \"%s\"", report.line_at, report.line);
	cw_fact_string(f, "runtime", tool < COUNT(tools) ? tools[tool].name : NULL);
	cw_fact_string(f, "message", report.line);
	cw_fact_string(f, "kind", report.kind);
	if (placed)
		words_add_place(f, &place);
	suggest(&report, placed ? &place : NULL, f);
	return 0;
}

CW_ANALYZER(sanitizer) = {
	.abi = CW_ANALYZER_ABI,
	.name = "sanitizer",
	.summary = "errors that a sanitizer found and aborted for",
	.priority = 90,
	.applies = words_aborted_itself,
	.run = run,
};
