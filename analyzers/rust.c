/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rust-panic: Rust programs that ended by a panic: with panic = "abort", by a panic that must not unwind (in a
 * destructor while another panic unwinds, out of an extern "C" function, a broken precondition of unsafe code), or by a
 * hook that aborts; and allocation failures, which are no panics. The functions of core and std on the stack tell
 * which; message and place are read from their frames (rust-panic.c).
 *
 * A panic that only unwinds ends a thread or the program with status 101 and leaves no core.
 */
#include "rust.h"

#include <inttypes.h>
#include <string.h>

static const char *const hook_names[] = { "std::panicking::panic_with_hook*", "std::panicking::rust_panic_with_hook*",
	"std::panicking::rust_panic_without_hook*", "__rustc::rust_panic", "rust_panic", "__rustc::rust_begin_unwind*",
	"rust_begin_unwind", "core::panicking::panic*", NULL };
static const char *const alloc_names[] = { "alloc::alloc::handle_alloc_error*", "std::alloc::handle_alloc_error*",
	"std::alloc::rust_oom*", "alloc::alloc::__alloc_error_handler*", "__rust_alloc_error_handler", "__rdl_oom",
	"__rg_oom", "__rustc::__rust_alloc_error_handler", "__rustc::__rdl_alloc_error_handler*", NULL };

/* What a function of the panic machinery says about the kind of panic; the first that is on the stack counts. */
static const struct panic_kind {
	const char *names[6];
	const char *kind, *suggestion, *advice; /* the advice follows the function's name */
} kinds[] = {
	{ { "core::panicking::panic_in_cleanup*", NULL }, "panic-in-drop", "no-panic-in-drop",
	    "dropped a value whose drop() panicked while another panic was unwinding, which always aborts: let drop() not panic (no unwrap(), no assert!(); test std::thread::panicking()). Both messages stand in the program's output" },
	{ { "core::panicking::panic_cannot_unwind*", NULL }, "cannot-unwind", "catch-unwind",
	    "may not unwind (extern \"C\"), and a panic came out of it: catch it inside with std::panic::catch_unwind and return an error. The first message stands in the program's output" },
	{ { "core::panicking::panic_nounwind*", NULL }, "unsafe-precondition", "check-unsafe",
	    "broke the precondition of an unsafe function, which debug builds check: without the check this is undefined behaviour; look at pointer, alignment and length" },
	{ { "core::option::unwrap_failed*", "core::option::expect_failed*", NULL }, "unwrap-none", "handle-none",
	    "takes the value out of an Option that is None: use ?, if let, unwrap_or_else() or ok_or()" },
	{ { "core::result::unwrap_failed*", NULL }, "unwrap-err", "handle-err",
	    "takes the value out of a Result that is Err: hand the error on with ?, or match it" },
	{ { "core::panicking::panic_bounds_check*", "core::slice::index::*", "core::str::slice_error_fail*", NULL },
	    "index", "check-index",
	    "uses an index that is out of bounds: use get(), which returns an Option, or check it against len() first" },
	{ { "core::panicking::panic_const::*", NULL }, "arithmetic", "checked-arithmetic",
	    "computes what does not fit or divides by zero: use checked_*(), saturating_*() or wrapping_*() for what is meant" },
	{ { "alloc::raw_vec::capacity_overflow*", "alloc::raw_vec::handle_error*", "alloc::alloc::capacity_overflow*", NULL }, "capacity", "check-length",
	    "asks for a collection of more bytes than can be addressed: check the length first, or use try_reserve()" },
	{ { "core::cell::panic_already*", NULL }, "borrow", "scope-borrows",
	    "borrows a RefCell that is borrowed already: end the other borrow first, or use try_borrow()" },
	{ { "core::panicking::assert_failed*", NULL }, "assertion", "check-invariant",
	    "asserts an equality that does not hold: compare left and right in the message" },
	{ { "core::panicking::unreachable_display*", NULL }, "unreachable", "check-invariant",
	    "got to code that was held to be unreachable" },
};
static const struct panic_kind explicit_panic = { { NULL }, "explicit", "handle-error",
	"panics on purpose: if input or environment can bring this about, return a Result instead" };

struct panicked {
	struct words_stack stack;
	size_t first, last; /* innermost and outermost frame of the panic machinery */
	bool placed, in_hook;
	struct words_place place;
	struct rust_panic panic;
	const struct panic_kind *kind;
};

static const struct panic_kind *find_kind(const struct panicked *p) {
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (words_find(&p->stack, p->first, kinds[i].names) <= p->last)
			return &kinds[i];
	return &explicit_panic;
}

static bool find_panic(struct panicked *p) {
	size_t own = 0;

	while (own < p->stack.n && words_is_runtime(p->stack.frames[own]))
		own++;
	p->first = words_find(&p->stack, 0, hook_names);
	if (p->first == p->stack.n)
		return false;
	/* Code of the program's own further in: a hook that aborts, or a destructor during unwinding. */
	p->in_hook = own < p->first;
	p->last = p->first;
	while (p->last + 1 < p->stack.n && words_is_runtime(p->stack.frames[p->last + 1]))
		p->last++;
	p->kind = find_kind(p);
	p->placed = words_find_place(&p->stack, p->last, &p->place);
	rust_read_panic(&p->stack, p->first, p->last, &p->panic);
	return true;
}

/* "/rustc/…/library/core/src/option.rs" and the like: where the library found it, not where it was done. */
static bool is_library_file(const char *file) {
	static const char *const prefixes[] = { "/rustc/*", "library/*", NULL };

	return words_match(file, prefixes);
}

static void add_panic(const struct panicked *p, struct cw_finding *f) {
	const struct words_stack *s = &p->stack;
	const struct rust_panic *panic = &p->panic;

	cw_finding_evidence(f, "frame %u is %s(), of the panic machinery", s->frames[p->first]->index,
	    words_bare(s->core, words_function(s->frames[p->first])));
	if (p->last > p->first && words_function(s->frames[p->last]))
		cw_finding_evidence(f, "the panic came in through frame %u, %s()", s->frames[p->last]->index,
		    words_bare(s->core, words_function(s->frames[p->last])));
	if (panic->message)
		cw_finding_evidence(f, "its message, at 0x%" PRIx64 ": \"%s\"", panic->message_at, panic->message);
	if (panic->file)
		cw_finding_evidence(
		    f, "its core::panic::Location, at 0x%" PRIx64 ", is %s:%u:%u", panic->location_at, panic->file, panic->line, panic->column);
	if (p->in_hook)
		cw_finding_evidence(
		    f, "the abort itself was called by code that ran during the panic (a hook or a destructor)");
}

/* The first line: words_read_text() has put spaces where lines ended. */
static const char *first_line(const struct cw_core *core, const char *message) {
	const char *end = strstr(message, "  ");

	return end && end != message ? cw_format(core, "%.*s", (int)(end - message), message) : message;
}

static void claim_panic(const struct panicked *p, struct cw_run *run) {
	const struct rust_panic *panic = &p->panic;
	const char *function = p->placed ? p->place.function : NULL,
		   *where = p->placed ? p->place.text : "unknown code";
	struct cw_finding *f;

	f = cw_finding_add(run, "panic", p->in_hook ? CW_LIKELY : words_trust(&p->stack, p->last, CW_CERTAIN),
	    "Rust panic in %s%s%s", where, panic->message ? ": " : "",
	    panic->message ? first_line(p->stack.core, panic->message) : "");
	add_panic(p, f);
	cw_fact_string(f, "runtime", "rust");
	cw_fact_string(f, "message", panic->message);
	cw_fact_string(f, "kind", p->kind->kind);
	cw_fact_string(f, "culprit", NULL);
	if (p->placed)
		words_add_place(f, &p->place);
	/* A relative path of the same place says less. */
	if (panic->file && !is_library_file(panic->file) &&
	    !(p->placed && p->place.file && p->place.line == panic->line &&
		strcmp(words_base_name(p->place.file), words_base_name(panic->file)) == 0)) {
		cw_fact_string(f, "file", panic->file);
		cw_fact_integer(f, "line", panic->line);
	}
	if (panic->file && !is_library_file(panic->file))
		cw_fact_integer(f, "column", panic->column);
	cw_finding_suggest(
	    f, p->kind->suggestion, NULL, "%s %s", function ? function : "the function", p->kind->advice);
	if (!function)
		cw_finding_suggest(f, "keep-symbols", "[profile.release]\nstrip = false\ndebug = 1",
		    "the program has no symbols: keep them to see functions and lines");
}

static void claim_allocation(const struct words_stack *stack, size_t frame, struct cw_run *run) {
	struct words_place place;
	bool placed = words_find_place(stack, frame, &place);
	const char *function = placed && place.function ? place.function : "the function";
	struct cw_finding *f;

	f = cw_finding_add(run, "allocation-failure", words_trust(stack, frame, CW_CERTAIN),
	    "memory ran out in %s: an allocation of Rust's failed", placed ? place.text : "unknown code");
	cw_finding_evidence(f, "frame %u is %s(), which reports failed allocations and aborts",
	    stack->frames[frame]->index, words_bare(stack->core, words_function(stack->frames[frame])));
	cw_fact_string(f, "runtime", "rust");
	cw_fact_string(f, "message", NULL);
	if (placed)
		words_add_place(f, &place);
	cw_finding_suggest(f, "try-reserve", "Vec::try_reserve",
	    "look at how much %s asks for; where the size comes from outside, use try_reserve() and handle its error",
	    function);
	if (!words_add_space(stack->core, f))
		cw_finding_suggest(f, "check-memory-limit", NULL,
		    "or the process may use too little: see LimitAS= and MemoryMax= of its unit, and ulimit -v");
}

/* Without symbols: abort() called by code that holds the place of a panic. */
static void claim_stripped(const struct words_stack *stack, struct cw_run *run) {
	static const char *const abort_names[] = { "abort", "__GI_abort", "__libc_abort", NULL };
	size_t i = words_find(stack, 0, abort_names);
	struct rust_panic panic;
	struct cw_finding *f;

	if (i + 1 >= stack->n || words_function(stack->frames[i + 1]) || !rust_read_stripped(stack, i + 1, &panic))
		return;
	f = cw_finding_add(run, "panic", CW_LIKELY, "Rust panic at %s:%u%s%s", words_base_name(panic.file), panic.line,
	    panic.message ? ": " : "", panic.message ? first_line(stack->core, panic.message) : "");
	cw_finding_evidence(f, "abort() was called by code without symbols, whose frames hold a core::panic::Location, at 0x%" PRIx64 ": %s:%u:%u",
	    panic.location_at, panic.file, panic.line, panic.column);
	if (panic.message)
		cw_finding_evidence(f, "and beside it the message, at 0x%" PRIx64 ": \"%s\"", panic.message_at, panic.message);
	cw_fact_string(f, "runtime", "rust");
	cw_fact_string(f, "message", panic.message);
	cw_fact_string(f, "culprit", NULL);
	cw_fact_string(f, "file", panic.file);
	cw_fact_integer(f, "line", panic.line);
	cw_fact_integer(f, "column", panic.column);
	cw_finding_suggest(f, "handle-error", NULL, "look at %s:%u: if input or environment can bring this about, return a Result instead", panic.file, panic.line);
	cw_finding_suggest(f, "keep-symbols", "[profile.release]\nstrip = false\ndebug = 1", "the program has no symbols: keep them to see functions and lines");
}

static int run(const struct cw_core *core, struct cw_run *host) {
	struct panicked p = {};
	size_t alloc;

	words_stack_init(&p.stack, core, core->crashed);
	alloc = words_find(&p.stack, 0, alloc_names);
	if (alloc < p.stack.n && alloc <= words_find(&p.stack, 0, hook_names)) {
		claim_allocation(&p.stack, alloc, host);
		return 0;
	}
	if (find_panic(&p))
		claim_panic(&p, host);
	else
		claim_stripped(&p.stack, host);
	return 0;
}

CW_ANALYZER(rust_panic) = {
	.abi = CW_ANALYZER_ABI,
	.name = "rust-panic",
	.summary = "Rust panics that abort, with message and place, and failed allocations",
	.priority = 70,
	.applies = words_aborted_itself,
	.run = run,
};
