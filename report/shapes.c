/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of shape.h: conf/corewatch-report-1.schema.json as far as a report is concerned that was made here. A
 * member is added in both places or in neither (tests/unit/test-report-shape.c holds them against each other). Lengths
 * of strings are ours; the schema has none but for summaries.
 */
#include "report/shape.h"

#include "util/protocol.h"

/* Long enough for what is real, short enough that a report of nothing but such strings stays readable. Bytes. */
#define LINE 256        /* names of things */
#define NAME_BYTES 1024 /* functions: the worker's own limit */
#define PATH_BYTES 4096 /* PATH_MAX */
#define SENTENCE 1024
#define SUMMARY 300 /* the schema's */
#define DETAIL 4096

#define STRING(name_, max_, ...) { .name = name_, .type = SHAPE_STRING, .max = max_, __VA_ARGS__ }
#define ADDRESS(name_, ...) { .name = name_, .type = SHAPE_ADDRESS, __VA_ARGS__ }
#define INTEGER(name_, low_, high_, ...) \
	{ .name = name_, .type = SHAPE_INTEGER, .low = low_, .high = high_, __VA_ARGS__ }
#define COUNT(name_, ...) { .name = name_, .type = SHAPE_INTEGER, __VA_ARGS__ } /* 0 … 2^53 */
#define BOOLEAN(name_, ...) { .name = name_, .type = SHAPE_BOOLEAN, __VA_ARGS__ }
#define WORD(name_, words_, ...) { .name = name_, .type = SHAPE_WORD, .words = words_, __VA_ARGS__ }
#define OBJECT(name_, of_, ...) { .name = name_, .type = SHAPE_OBJECT, .of = of_, __VA_ARGS__ }
#define ARRAY(name_, of_, max_, ...) { .name = name_, .type = SHAPE_ARRAY, .of = of_, .max = max_, __VA_ARGS__ }
#define REQUIRED .flags = SHAPE_REQUIRED
#define NULLABLE .flags = SHAPE_NULLABLE
#define PID_HIGH INT32_MAX
#define UID_HIGH (UINT32_MAX - 1)
#define END {}

#define WORDS(name, ...) static const char *const name[] = { __VA_ARGS__, NULL }
WORDS(words_source, "siginfo", "signal-frame", "reconstructed");
WORDS(words_access, "read", "write", "exec", "unknown");
WORDS(words_executable, "present", "replaced", "deleted", "unreadable");
WORDS(words_module, "present", "replaced", "deleted", "unreadable", "memory", "unverified");
WORDS(words_core, "present", "journal", "truncated", "missing", "inaccessible", "none");
WORDS(words_confidence, "certain", "likely", "possible");
WORDS(words_bounds, "main", "pthread", "alternate", "custom", "unknown");
WORDS(words_part, "signal-frame", "static-tls", "thread-control", "arguments", "strings");
WORDS(words_trust, "context", "cfi", "frame-pointer", "scan");
WORDS(words_debuginfo, "dwarf", "symtab", "minidebug", "none");
WORDS(words_outcome, "complete", "partial", "failed");
WORDS(words_schema, "corewatch.report/1");
WORDS(words_generator, "corewatch");

static const struct shape item_name = STRING(NULL, NAME_BYTES);
static const struct shape item_sentence = STRING(NULL, SENTENCE, .flags = SHAPE_PROSE);

/* ── crash ── */

static const struct shape sender[] = { INTEGER("pid", 0, PID_HIGH, REQUIRED), INTEGER("uid", 0, UID_HIGH, REQUIRED),
	                               STRING("command", LINE), END };
static const struct shape signal_members[] = {
	INTEGER("number", 0, 128, REQUIRED),
	{ .name = "name", .type = SHAPE_SIGNAL, REQUIRED },
	INTEGER("code", INT32_MIN, INT32_MAX, NULLABLE),
	STRING("code_name", 64, NULLABLE),
	ADDRESS("address", NULLABLE),
	OBJECT("sender", sender, NULLABLE),
	STRING("description", LINE),
	END,
};
static const struct shape neighbour[] = {
	ADDRESS("start", REQUIRED),
	ADDRESS("end", REQUIRED),
	STRING("name", PATH_BYTES),
	COUNT("distance", REQUIRED),
	END,
};
static const struct shape region[] = {
	STRING("kind", 64, REQUIRED),
	ADDRESS("start"),
	ADDRESS("end"),
	STRING("perm", 8),
	STRING("name", PATH_BYTES),
	COUNT("offset"),
	INTEGER("thread", 0, PID_HIGH),
	OBJECT("before", neighbour, NULLABLE),
	OBJECT("after", neighbour, NULLABLE),
	END,
};
static const struct shape operand[] = {
	STRING("text", LINE, REQUIRED), ADDRESS("address", NULLABLE), STRING("access", 32), STRING("register", 32), END,
};
static const struct shape item_operand = OBJECT(NULL, operand);
static const struct shape instruction[] = {
	ADDRESS("address", REQUIRED),
	STRING("bytes", 64),
	STRING("text", LINE, REQUIRED),
	ARRAY("operands", &item_operand, 8),
	END,
};
static const struct shape fault[] = {
	WORD("source", words_source, REQUIRED),
	OBJECT("signal", signal_members),
	ADDRESS("pc"),
	ADDRESS("sp"),
	ADDRESS("address", NULLABLE),
	WORD("access", words_access),
	STRING("cause", 64),
	STRING("cause_text", SENTENCE),
	OBJECT("region", region, NULLABLE),
	OBJECT("instruction", instruction, NULLABLE),
	INTEGER("trap_number", 0, INT32_MAX, NULLABLE),
	INTEGER("error_code", 0, UINT32_MAX, NULLABLE),
	END,
};
static const struct shape crash_thread[] = { INTEGER("id", 0, PID_HIGH), STRING("name", 64, NULLABLE), END };
static const struct shape crash[] = {
	OBJECT("signal", signal_members, REQUIRED),
	OBJECT("fault", fault, NULLABLE),
	OBJECT("thread", crash_thread),
	{ .name = "registers", .type = SHAPE_REGISTERS },
	END,
};

/* ── process, host, core ── */

static const struct shape build_id[] = { { .name = "gnu", .type = SHAPE_HEX }, END };
static const struct shape executable[] = {
	STRING("name", LINE),
	STRING("path", PATH_BYTES, REQUIRED),
	OBJECT("build_id", build_id),
	WORD("state", words_executable),
	STRING("package", LINE),
	STRING("package_version", LINE),
	STRING("language", 64),
	BOOLEAN("optimized", NULLABLE),
	END,
};
static const struct shape user[] = { INTEGER("id", 0, UID_HIGH), STRING("name", LINE), END };
static const struct shape container[] = { STRING("id", LINE), STRING("command", DETAIL), END };
static const struct shape process[] = {
	INTEGER("pid", 0, PID_HIGH, REQUIRED),
	STRING("command", 64),
	STRING("command_line", DETAIL),
	OBJECT("executable", executable, .flags = SHAPE_REQUIRED | SHAPE_PARTIAL),
	OBJECT("user", user),
	STRING("unit", LINE),
	STRING("user_unit", LINE),
	STRING("slice", LINE),
	STRING("cgroup", PATH_BYTES),
	OBJECT("container", container, NULLABLE),
	END,
};
static const struct shape host[] = {
	STRING("name", LINE), STRING("id", 64), STRING("arch", 32), STRING("boot_id", 64), STRING("os", LINE), END,
};
static const struct shape core[] = {
	WORD("state", words_core, REQUIRED), STRING("path", PATH_BYTES),     COUNT("bytes"),
	COUNT("uncompressed_bytes"),         STRING("journal_cursor", LINE), END,
};

/* ── findings ── */

static const struct shape suggestion[] = { STRING("id", 64, REQUIRED),
	                                   STRING("text", SENTENCE, .flags = SHAPE_REQUIRED | SHAPE_PROSE),
	                                   STRING("command", SENTENCE, .flags = SHAPE_PROSE), END };
static const struct shape item_suggestion = OBJECT(NULL, suggestion);
#define FINDING_MEMBERS                                                                                \
	STRING("analyzer", 64, REQUIRED), { .name = "id", .type = SHAPE_KEBAB, REQUIRED },             \
		WORD("confidence", words_confidence, REQUIRED),                                        \
		STRING("summary", SUMMARY, .flags = SHAPE_REQUIRED | SHAPE_PROSE),                     \
		STRING("detail", DETAIL, .flags = SHAPE_PROSE), ARRAY("evidence", &item_sentence, 32), \
		{ .name = "facts", .type = SHAPE_FACTS }, ARRAY("suggestions", &item_suggestion, 16),  \
		BOOLEAN("supports")
static const struct shape finding[] = { FINDING_MEMBERS, END };
static const struct shape finding_record[] = { FINDING_MEMBERS, INTEGER("priority", INT32_MIN, INT32_MAX), END };

static const struct shape fingerprint[] = {
	{ .name = "id", .type = SHAPE_HEX, REQUIRED },
	{ .name = "build", .type = SHAPE_HEX },
	STRING("algorithm", 64, REQUIRED),
	ARRAY("basis", &item_name, 64),
	COUNT("seen"),
	STRING("first_seen", 40),
	END,
};

/* ── stacks ── */

static const struct shape inlined[] = {
	STRING("function", NAME_BYTES, REQUIRED),
	STRING("file", PATH_BYTES),
	INTEGER("line", 1, INT32_MAX),
	END,
};
static const struct shape item_inlined = OBJECT(NULL, inlined);
#define FRAME_MEMBERS                                                                                              \
	COUNT("index"), STRING("function", NAME_BYTES), STRING("file", PATH_BYTES), INTEGER("line", 1, INT32_MAX), \
		INTEGER("column", 0, INT32_MAX), STRING("module", PATH_BYTES), ADDRESS("offset"),                  \
		ADDRESS("pc", REQUIRED), ADDRESS("cfa"), COUNT("bytes", NULLABLE), INTEGER("count", 1, 0),         \
		ARRAY("inlined", &item_inlined, 64), WORD("trust", words_trust)
static const struct shape turn_frame[] = { FRAME_MEMBERS, END };
static const struct shape item_turn_frame = OBJECT(NULL, turn_frame);
static const struct shape frame[] = {
	FRAME_MEMBERS,        ARRAY("cycle", &item_name, 64), ARRAY("turn", &item_turn_frame, 64),
	COUNT("total_bytes"), BOOLEAN("signal_frame"),        END,
};
static const struct shape bounds[] = {
	WORD("kind", words_bounds, REQUIRED),
	ADDRESS("low"),
	ADDRESS("high"),
	COUNT("guard_bytes", NULLABLE),
	COUNT("limit_bytes", NULLABLE),
	COUNT("used_bytes", NULLABLE),
	ADDRESS("sp"),
	STRING("source", SENTENCE),
	END,
};
static const struct shape part[] = {
	WORD("kind", words_part, REQUIRED), ADDRESS("start", REQUIRED), COUNT("bytes", REQUIRED),
	STRING("module", PATH_BYTES),       COUNT("module_bytes"),      END,
};
static const struct shape item_part = OBJECT(NULL, part);
static const struct shape stack_use[] = {
	COUNT("frames_bytes", REQUIRED),
	ARRAY("parts", &item_part, 8, REQUIRED),
	COUNT("unaccounted_bytes", REQUIRED),
	END,
};
static const struct shape function_use[] = {
	STRING("function", NAME_BYTES, REQUIRED),
	STRING("module", PATH_BYTES),
	COUNT("count", REQUIRED),
	COUNT("bytes", REQUIRED),
	COUNT("largest_frame_bytes"),
	END,
};
static const struct shape item_function_use = OBJECT(NULL, function_use);
static const struct shape cycle[] = { ARRAY("functions", &item_name, 64, REQUIRED), COUNT("count", REQUIRED),
	                              COUNT("bytes", REQUIRED), END };
#define STACK_MEMBERS                                                                  \
	OBJECT("bounds", bounds), OBJECT("use", stack_use),                            \
		COUNT("frame_count", REQUIRED), BOOLEAN("complete"),                   \
		STRING("stop_reason", SENTENCE), COUNT("frames_omitted"),              \
		ARRAY("by_function", &item_function_use, 64), OBJECT("cycle", cycle, NULLABLE)
static const struct shape stack_record[] = { STACK_MEMBERS, END };
static const struct shape stack[] = { STACK_MEMBERS, ARRAY("frames", &shape_frame, RECORD_MAX_FRAMES, REQUIRED), END };
static const struct shape thread_stack[] = { STACK_MEMBERS,
	                                     ARRAY("frames", &shape_frame, RECORD_MAX_THREAD_FRAMES, REQUIRED), END };
static const struct shape thread[] = {
	INTEGER("id", 0, PID_HIGH, REQUIRED),
	STRING("name", 64, NULLABLE),
	BOOLEAN("crashed"),
	OBJECT("stack", thread_stack),
	END,
};

/* ── the rest ── */

static const struct shape memory[] = {
	ADDRESS("start", REQUIRED), ADDRESS("end", REQUIRED),   STRING("kind", 64, REQUIRED),
	STRING("perm", 8),          STRING("name", PATH_BYTES), END,
};
static const struct shape module[] = {
	STRING("path", PATH_BYTES, REQUIRED),
	{ .name = "build_id", .type = SHAPE_HEX, NULLABLE },
	ADDRESS("start"),
	ADDRESS("end"),
	WORD("state", words_module),
	WORD("debuginfo", words_debuginfo),
	STRING("package", LINE),
	END,
};
static const struct shape warning[] = { STRING("stage", 64, REQUIRED),
	                                STRING("message", SENTENCE, .flags = SHAPE_REQUIRED | SHAPE_PROSE), END };
#define COSTS                                                                                                  \
	{ .name = "analysis_seconds", .type = SHAPE_NUMBER }, { .name = "cpu_seconds", .type = SHAPE_NUMBER }, \
		COUNT("peak_memory_bytes")
static const struct shape end_record[] = { BOOLEAN("complete"), COSTS, END };
static const struct shape missing_record[] = {
	STRING("kind", 16, REQUIRED), { .name = "build_id", .type = SHAPE_HEX, REQUIRED }, END,
};
static const struct shape analyzer_record[] = {
	STRING("name", 64, REQUIRED), INTEGER("priority", INT32_MIN, INT32_MAX),
	STRING("origin", PATH_BYTES), BOOLEAN("enabled"),
	STRING("summary", SENTENCE),  END,
};
static const struct shape generator[] = {
	WORD("name", words_generator, REQUIRED),
	STRING("version", 64, REQUIRED),
	WORD("outcome", words_outcome),
	COSTS,
	END,
};

const struct shape shape_crash = OBJECT(NULL, crash, .flags = SHAPE_PARTIAL);
const struct shape shape_process = OBJECT(NULL, process, .flags = SHAPE_PARTIAL);
const struct shape shape_core = OBJECT(NULL, core, .flags = SHAPE_PARTIAL);
const struct shape shape_host = OBJECT(NULL, host);
const struct shape shape_stack = OBJECT(NULL, stack_record, .flags = SHAPE_PARTIAL);
const struct shape shape_frame = OBJECT(NULL, frame);
const struct shape shape_thread = OBJECT(NULL, thread);
const struct shape shape_module = OBJECT(NULL, module);
const struct shape shape_memory = OBJECT(NULL, memory);
const struct shape shape_finding = OBJECT(NULL, finding_record);
const struct shape shape_fingerprint = OBJECT(NULL, fingerprint);
const struct shape shape_warning = OBJECT(NULL, warning);
const struct shape shape_end = OBJECT(NULL, end_record);
const struct shape shape_missing = OBJECT(NULL, missing_record);
const struct shape shape_analyzer = OBJECT(NULL, analyzer_record);

static const struct shape item_finding = OBJECT(NULL, finding);
static const struct shape document[] = {
	WORD("schema", words_schema, REQUIRED),
	STRING("report_id", 32, REQUIRED),
	INTEGER("revision", 2, INT32_MAX),
	STRING("time", 40, REQUIRED),
	OBJECT("generator", generator, REQUIRED),
	OBJECT("host", host),
	OBJECT("crash", crash, REQUIRED),
	OBJECT("process", process, REQUIRED),
	OBJECT("core", core),
	OBJECT("verdict", finding, REQUIRED),
	ARRAY("findings", &item_finding, RECORD_MAX_FINDINGS, REQUIRED),
	OBJECT("fingerprint", fingerprint, REQUIRED),
	OBJECT("stack", stack),
	COUNT("thread_count"),
	ARRAY("threads", &shape_thread, RECORD_MAX_THREADS),
	ARRAY("memory", &shape_memory, RECORD_MAX_MEMORY),
	ARRAY("modules", &shape_module, RECORD_MAX_MODULES),
	ARRAY("warnings", &shape_warning, RECORD_MAX_WARNINGS, REQUIRED),
	BOOLEAN("truncated"),
	END,
};
const struct shape shape_report = OBJECT(NULL, document);
