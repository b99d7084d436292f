/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See location.h. Frames of C libraries and language runtimes are passed over: nobody fixes raise(), and all panics of
 * a language have those frames. */
#include "report/location.h"

#include "report/json.h"

const char *location_base_name(const char *path) {
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static bool has_one_of(const char *s, const char *const *list, bool prefix) {
	for (; s && *list; list++)
		if (prefix ? str_has_prefix(s, *list) : strstr(s, *list) != NULL)
			return true;
	return false;
}

static bool is_runtime(const char *function, const char *file, const char *module) {
	static const char *const modules[] = {
		"libc.so",  "libc-2", "libc.musl", "ld-linux", "ld-musl", "libpthread", "libstdc++",
		"libgcc_s", "libc++", "libasan",   "libubsan", "libtsan", "[vdso]",     NULL,
	};
	static const char *const files[] = {
		"/rustc/",   "/rust/deps/", "/usr/lib/go", "/usr/local/go/src/", "/usr/include/c++/",
		"./nptl/",   "../sysdeps/", "./stdlib/",   "./malloc/",          "./debug/",
		"./assert/", "../sysdeps/", NULL,
	};
	static const char *const functions[] = {
		"runtime.",   "std::",          "core::",      "alloc::", "__rust_", "rust_begin_unwind",
		"rust_panic", "__cxa_",         "__gnu_cxx::", "__libc_", "__GI_",   "__pthread_kill",
		"__asan_",    "__interceptor_", NULL,
	};

	return (module && has_one_of(location_base_name(module), modules, true)) || has_one_of(file, files, true) ||
	       has_one_of(function, functions, true);
}

bool location_is_runtime(json_object *frame) {
	const char *function = json_get_string(frame, "function");

	return is_runtime(function, json_get_string(frame, "file"), json_get_string(frame, "module")) ||
	       (function && streq(function, "_start"));
}

static struct location location_of(json_object *item) {
	struct location at = { json_get_string(item, "function"), json_get_string(item, "file"), 0 };

	if (at.file)
		json_get_integer(item, "line", &at.line);
	return at;
}

/* A frame's functions, inlined ones first: the k-th of them, false beyond the last. */
static bool nth_function(json_object *frame, size_t k, struct location *ret) {
	size_t n = json_get_count(frame, "inlined");

	if (k > n)
		return false;
	*ret = location_of(k < n ? json_object_array_get_idx(json_get_array(frame, "inlined"), k) : frame);
	return true;
}

size_t location_fault_frame(json_object *report) {
	json_object *frames = json_get_array(report, "stack.frames");
	const char *source = json_get_string(report, "crash.fault.source"),
		   *pc = json_get_string(report, "crash.fault.pc");
	size_t n = frames ? json_object_array_length(frames) : 0, after = 0;

	if (!source || !streq(source, "signal-frame"))
		return 0;
	for (size_t i = 0; i + 1 < n; i++) {
		const char *next = json_get_string(json_object_array_get_idx(frames, i + 1), "pc");

		if (!json_get_true(json_object_array_get_idx(frames, i), "signal_frame"))
			continue;
		if (pc && next && streq(pc, next))
			return i + 1;
		if (after == 0)
			after = i + 1;
	}
	return after;
}

/* Past a "<…>" that stands behind a name: type arguments. One at the very beginning is a type itself, as in Rust's "<T
 * as Trait>::f". */
static const char *skip_arguments(const char *s, const char *begin) {
	size_t depth = 0;

	if (*s != '<' || s == begin)
		return s;
	for (; *s; s++) {
		depth += *s == '<';
		if (*s == '>' && --depth == 0)
			return s + 1;
	}
	return s;
}

/* "f" also names "f(int)", and "Machine::round" also "Machine<S>::round". */
static bool names_same(const char *function, const char *culprit) {
	const char *f = function, *c = culprit;

	for (;;) {
		f = skip_arguments(f, function);
		c = skip_arguments(c, culprit);
		if (*f != *c)
			return (*f == '(' && !*c) || (*c == '(' && !*f);
		if (!*f)
			return true;
		f++;
		c++;
	}
}

static struct location find_function(json_object *frames, size_t from, const char *culprit) {
	for (size_t i = from; i < json_object_array_length(frames); i++) {
		json_object *frame = json_object_array_get_idx(frames, i);
		struct location at;

		for (size_t k = 0; nth_function(frame, k, &at); k++)
			if (at.function && names_same(at.function, culprit)) {
				at.function = culprit;
				return at;
			}
	}
	return (struct location){ .function = culprit };
}

struct location location_of_crash(json_object *report) {
	json_object *frames = json_get_array(report, "stack.frames");
	const char *culprit = json_get_string(report, "verdict.facts.culprit");
	size_t n = frames ? json_object_array_length(frames) : 0, first = location_fault_frame(report);
	struct location at, named = {};

	if (culprit)
		return frames ? find_function(frames, first, culprit) : (struct location){ .function = culprit };
	for (size_t i = first; i < n; i++) {
		json_object *frame = json_object_array_get_idx(frames, i);
		const char *trust = json_get_string(frame, "trust");

		/* What a scan found may have nothing to do with the crash. */
		if (json_get_true(frame, "signal_frame") || (trust && streq(trust, "scan")))
			continue;
		for (size_t k = 0; nth_function(frame, k, &at); k++) {
			if (!at.function)
				continue;
			if (!named.function)
				named = at;
			if (at.file && !is_runtime(at.function, at.file, json_get_string(frame, "module")))
				return at;
		}
	}
	return named;
}
