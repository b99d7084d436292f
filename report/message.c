/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one line of a report: `rec[2860] SIGSEGV: stack overflow in thread main: f() recursed 2036 times (rec.c:7)`. The
 * verdict's summary is its body; thread, function and place are added where the summary does not name them. When it
 * gets long, the body gives way: who and where stay.
 */
#include "report/json.h"
#include "report/location.h"
#include "report/report.h"
#include "util/text.h"

#include <inttypes.h>

/* Each part's share of the line, so that no hostile name can push out the rest. Bytes; the sum of the outer parts
 * leaves 76 to the body. */
#define COMMAND_MAX 32
#define FUNCTION_MAX 40
#define THREAD_MAX 16
#define FILE_MAX 40

/* Whether text has name as a word: "f" is not in "for". */
static bool mentions(const char *text, const char *name) {
	size_t n = strlen(name);

	for (const char *p = text; (p = strstr(p, name)); p += n) {
		const char before = p == text ? ' ' : p[-1], after = p[n];
		static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

		if (!strchr(word, before) && (!after || !strchr(word, after)))
			return true;
	}
	return false;
}

static void cut_into(char *buffer, size_t size, const char *s, size_t max) {
	text_clean(s, strlen(s), buffer, size);
	text_ellipsize(buffer, max);
}

static void prefix_of(json_object *report, char *buffer, size_t size) {
	const char *command = json_get_string(report, "process.command")
	                              ?: json_get_string(report, "process.executable.name");
	const char *signal = json_get_string(report, "crash.fault.signal.name")
	                             ?: json_get_string(report, "crash.signal.name");
	char name[48], number[32] = "";
	int64_t pid;

	cut_into(name, sizeof(name), command ?: "process", COMMAND_MAX);
	if (json_get_integer(report, "process.pid", &pid) && pid > 0)
		snprintf(number, sizeof(number), "[%" PRIi64 "]", pid);
	snprintf(buffer, size, "%s%s %s: ", name, number, signal ?: "crashed");
}

/* A function's last name: the summary may have left its module out. */
static const char *last_name(const char *function) {
	const char *last = function;

	for (const char *p = function; *p && *p != '(' && *p != '<'; p++)
		if (p[0] == ':' && p[1] == ':' && p[2] != 0)
			last = p + 2;
	return last;
}

/* room: what the summary leaves; the place, which has fields of its own, is the first to go. */
static void suffix_of(json_object *report, const char *summary, size_t room, char *buffer, size_t size) {
	const char *thread = json_get_string(report, "crash.thread.name");
	struct location at = location_of_crash(report);
	char name[48], in_thread[64] = "", in_function[128] = "", place[128] = "";

	/* The only thread of a program needs no name. */
	if (thread && !strstr(summary, "thread") && json_get_count(report, "threads") > 1) {
		cut_into(name, sizeof(name), thread, THREAD_MAX);
		snprintf(in_thread, sizeof(in_thread), " in thread %s", name);
	}
	if (at.function && !mentions(summary, at.function) && !mentions(summary, last_name(at.function))) {
		cut_into(name, sizeof(name), at.function, FUNCTION_MAX);
		snprintf(in_function, sizeof(in_function), " in %s%s", name, strchr(name, '(') ? "" : "()");
		/* C++ and Rust names carry their own arguments or are cut: "()" would only mislead. */
		if (str_has_suffix(name, "…") || strchr(name, ':'))
			in_function[4 + strlen(name)] = 0;
	}
	if (at.file && !strstr(summary, location_base_name(at.file))) {
		cut_into(name, sizeof(name), location_base_name(at.file), FILE_MAX);
		snprintf(place, sizeof(place), at.line > 0 ? " (%s:%" PRIi64 ")" : " (%s)", name, at.line);
	}
	if (strlen(in_thread) + strlen(in_function) + strlen(place) > room)
		place[0] = 0;
	snprintf(buffer, size, "%s%s%s", in_thread, in_function, place);
}

int report_message(json_object *report, char **ret_message) {
	const char *summary = json_get_string(report, "verdict.summary") ?: "the process crashed";
	char prefix[128], suffix[352], body[REPORT_MESSAGE_MAX + 8];
	size_t taken;
	char *message;

	prefix_of(report, prefix, sizeof(prefix));
	taken = strlen(prefix) + strlen(summary);
	suffix_of(report, summary, taken < REPORT_MESSAGE_MAX ? REPORT_MESSAGE_MAX - taken : 0, suffix, sizeof(suffix));
	taken = strlen(prefix) + strlen(suffix);
	cut_into(body, sizeof(body), summary, taken + 8 < REPORT_MESSAGE_MAX ? REPORT_MESSAGE_MAX - taken : 8);
	if (asprintf(&message, "%s%s%s", prefix, body, suffix) < 0)
		return -ENOMEM;
	/* Bytes, which are never fewer than characters. */
	text_ellipsize(message, REPORT_MESSAGE_MAX);
	*ret_message = message;
	return 0;
}
