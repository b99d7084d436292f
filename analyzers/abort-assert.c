/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Failed assertions: C's assert() through __abort_msg ("prog: file.c:12: function: Assertion `x' failed."), GLib's
 * g_assert*() through __glib_assert_msg ("domain:ERROR:file.c:12:function: assertion failed: (x)"), and those of
 * libstdc++ (-D_GLIBCXX_ASSERTIONS), libc++ and musl, which leave no text but whose call has it among its constants.
 */
#include "abort.h"

#include <stdlib.h>
#include <string.h>

#include "abort-call.h"

#define TEXT_MAX 1024
#define LINE_MAX_PLAUSIBLE 10000000

struct assertion {
	const char *message, *expression, *file, *function;
	uint32_t line;
};

/* Functions that an assertion fails in, and which of their arguments is what; -1: none. */
static const struct {
	const char *name;
	int expression, file, line, function;
} functions[] = {
	{ "__assert_fail", 0, 1, 2, 3 },
	{ "__assert_fail_base", -1, -1, -1, -1 },
	{ "__assert_perror_fail", -1, 1, 2, 3 },
	{ "__libc_assert_fail", 0, 1, 2, 3 },
	{ "std::__glibcxx_assert_fail", 3, 0, 1, 2 },
	{ "std::__replacement_assert", 3, 0, 1, 2 },
	{ "g_assertion_message", -1, 1, 2, 3 },
	{ "g_assertion_message_expr", -1, 1, 2, 3 },
	{ "g_assertion_message_cmpnum", -1, 1, 2, 3 },
	{ "g_assertion_message_cmpstr", -1, 1, 2, 3 },
	{ "g_assertion_message_error", -1, 1, 2, 3 },
	{ "std::__1::__libcpp_verbose_abort", -1, -1, -1, -1 },
	{ "std::__libcpp_verbose_abort", -1, -1, -1, -1 },
};

/* "name:12:rest": cuts off the name and the line number; NULL if it does not read so. */
static const char *cut_position(const struct cw_core *core, const char *text, struct assertion *a) {
	for (const char *colon = strchr(text, ':'); colon; colon = strchr(colon + 1, ':')) {
		char *end;
		unsigned long line = strtoul(colon + 1, &end, 10);

		if (end == colon + 1 || *end != ':' || line == 0 || line > LINE_MAX_PLAUSIBLE || colon[1] < '0' ||
		    colon[1] > '9')
			continue;
		a->file = cw_format(core, "%.*s", (int)(colon - text), text);
		a->line = (uint32_t)line;
		return end + 1;
	}
	return NULL;
}

static const char *skip_spaces(const char *s) {
	while (*s == ' ')
		s++;
	return s;
}

static bool parse_c(const struct cw_core *core, const char *message, struct assertion *a) {
	const char *assertion = strstr(message, "Assertion `"), *end = assertion ? strstr(assertion, "' failed") : NULL,
		   *rest, *program;

	if (!end)
		return false;
	for (const char *more; (more = strstr(end + 1, "' failed")) != NULL;)
		end = more;
	a->expression = cw_format(core, "%.*s", (int)(end - assertion - 11), assertion + 11);
	/* "prog: " comes first, if the program has a name. */
	program = strstr(message, ": ");
	rest = program && program < assertion && !memchr(message, '/', (size_t)(program - message)) ? program + 2
												    : message;
	rest = cut_position(core, rest, a);
	if (rest && rest <= assertion) {
		rest = skip_spaces(rest);
		if (assertion > rest + 2)
			a->function = cw_format(core, "%.*s", (int)(assertion - rest - 2), rest);
	}
	return true;
}

static bool parse_glib(const struct cw_core *core, const char *message, struct assertion *a) {
	const char *error = strstr(message, "ERROR:"), *rest = error ? cut_position(core, error + 6, a) : NULL, *colon;

	if (!rest)
		return false;
	colon = strstr(rest, ": ");
	if (colon) {
		a->function = cw_format(core, "%.*s", (int)(colon - rest), rest);
		rest = colon + 2;
	}
	a->expression = strncmp(rest, "assertion failed: ", 18) == 0 ? rest + 18
	    : strncmp(rest, "assertion failed ", 17) == 0            ? rest + 17
								     : rest;
	return true;
}

static const char *constant_text(const struct cw_core *core, const struct abort_call *call, int argument) {
	if (argument < 0 || !call->known[argument] || !words_is_constant(core, call->value[argument]))
		return NULL;
	return words_read_string(core, call->value[argument], TEXT_MAX);
}

/* From the call of the function that aborts. Whether there was such a call. */
static bool find_call(const struct abort_reason *reason, struct assertion *a) {
	const struct words_stack *s = reason->stack;
	struct abort_call call;

	for (size_t i = 0; i + 1 < s->n; i++) {
		const char *name = words_bare(s->core, words_function(s->frames[i]));

		for (size_t k = 0; name && k < sizeof(functions) / sizeof(functions[0]); k++) {
			if (strcmp(name, functions[k].name) != 0)
				continue;
			if (functions[k].line < 0 || !abort_call_arguments(s->core, s->frames[i + 1]->pc, &call))
				return true;
			a->expression = constant_text(s->core, &call, functions[k].expression);
			a->file = constant_text(s->core, &call, functions[k].file);
			a->function = constant_text(s->core, &call, functions[k].function);
			if (a->file && call.known[functions[k].line] &&
			    (uint32_t)call.value[functions[k].line] <= LINE_MAX_PLAUSIBLE)
				a->line = (uint32_t)call.value[functions[k].line];
			return true;
		}
	}
	return false;
}

static void suggest(const struct abort_reason *reason, const struct assertion *a, const struct words_place *place,
    struct cw_finding *f) {
	const struct words_stack *s = reason->stack;
	const char *function = place && place->function ? place->function : a->function ? a->function : "the function";
	bool library = words_find(s, 0,
			   (const char *const[]){ "std::__glibcxx_assert_fail*", "std::__replacement_assert*",
			       "std::*__libcpp_verbose_abort*", NULL }) < s->n;

	if (library && a->expression && strstr(a->expression, "< this->size()"))
		cw_finding_suggest(f, "check-index", "at()",
		    "%s() indexes past the end of a container: compare the index with size() first, or use at(), which throws std::out_of_range",
		    function);
	else if (library)
		cw_finding_suggest(f, "check-precondition", NULL,
		    "%s() broke a precondition of the standard library%s%s%s: check it before the call", function,
		    a->expression ? " (" : "", a->expression ? a->expression : "", a->expression ? ")" : "");
	else
		cw_finding_suggest(f, "check-invariant", NULL,
		    "find out why \"%s\" does not hold in %s(): look at its arguments in the stack; if bad input can cause it, return an error instead of asserting",
		    a->expression ? a->expression : "the asserted condition", function);
}

bool abort_claim_assertion(const struct abort_reason *reason, struct cw_run *run) {
	const struct words_stack *s = reason->stack;
	const struct cw_core *core = s->core;
	struct assertion a = {};
	struct words_place place;
	struct cw_finding *f;
	bool parsed, called, placed, elsewhere;

	/* malloc's own assertions mean a damaged heap. */
	if (reason->message &&
	    (strstr(reason->message, "malloc.c:") || strncmp(reason->message, "Fatal glibc error: malloc", 25) == 0))
		return false;
	parsed = reason->message && (parse_c(core, reason->message, &a) || parse_glib(core, reason->message, &a));
	called = parsed
	    ? words_find(
		  s, 0, (const char *const[]){ "__assert*", "g_assertion_message*", "__libc_assert_fail", NULL }) < s->n
	    : find_call(reason, &a);
	if (!parsed && !called)
		return false;
	placed = words_find_place(s, reason->checker < s->n ? reason->checker : 0, &place);
	elsewhere = a.file && a.line > 0 &&
	    (!placed || !place.file || place.line != a.line ||
		strcmp(words_base_name(place.file), words_base_name(a.file)) != 0);
	f = cw_finding_add(run, "assertion-failure", called ? words_trust(s, reason->checker, CW_CERTAIN) : CW_LIKELY,
	    "%s: assertion failed%s%s%s%s",
	    placed           ? place.text
		: a.function ? a.function
			     : "?",
	    a.expression ? ": " : "", a.expression ? a.expression : "", elsewhere ? ", at " : "",
	    elsewhere ? cw_format(core, "%s:%u", words_base_name(a.file), a.line) : "");
	abort_add_evidence(reason, f);
	if (!reason->message && a.expression)
		cw_finding_evidence(
		    f, "the call's own constants are \"%s\", \"%s\", %u", a.expression, a.file ? a.file : "?", a.line);
	if (placed)
		words_add_place(f, &place);
	if (a.function && !(placed && place.function))
		cw_fact_string(f, "culprit", words_bare(core, a.function));
	cw_fact_string(f, "message",
	    reason->message                        ? reason->message
		: a.file && a.line && a.expression ? cw_format(core, "%s:%u: %s: Assertion '%s' failed.", a.file,
							 a.line, a.function ? a.function : "?", a.expression)
						   : NULL);
	cw_fact_string(f, "expression", a.expression);
	if (a.file) {
		cw_fact_string(f, "file", a.file);
		cw_fact_integer(f, "line", a.line);
	}
	cw_fact_string(f, "function", a.function ? a.function : placed ? place.function : NULL);
	suggest(reason, &a, placed ? &place : NULL, f);
	return true;
}
