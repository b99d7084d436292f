/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * go-runtime: Go programs that ended themselves with a core (GOTRACEBACK=crash): a panic that nothing recovered, or a
 * fatal error of the runtime's own (runtime.throw: concurrent map writes, a goroutine's stack over its limit, a signal
 * in C code). Which, is decided by the functions on the stack of the thread that died, or else of any other: the
 * runtime relays the signal, and the last thread to get it dies. What was said is read from the runtime's data
 * (go-state.c).
 */
#include "go.h"

#include <signal.h>
#include <inttypes.h>
#include <string.h>

static const char *const panic_names[] = { "runtime.fatalpanic*", NULL };
static const char *const gopanic_names[] = { "runtime.gopanic", NULL };
static const char *const throw_names[] = { "runtime.throw", "runtime.fatal", NULL };
static const char *const fatal_names[] = { "runtime.throw", "runtime.fatal", "runtime.fatalthrow*", NULL };
static const char *const sigpanic_names[] = { "runtime.sigpanic", "runtime.sigpanic0", NULL };
/* Beyond these the stack is another one: what is found there did not call. */
static const char *const switch_names[] = { "runtime.morestack*", "runtime.newstack", "runtime.systemstack*",
	"runtime.mcall", "runtime.asmcgocall*", "runtime.mstart*", "runtime.fatalthrow.func1", NULL };

struct crashed {
	struct words_stack stack;
	size_t panic, throw_; /* frames; stack.n: none */
	struct go_state state;
	bool has_state, has_signal;
	struct go_signal signal;
	const char *function, *file; /* the program's own function; or NULL */
	uint32_t line;
	const char *how; /* it was found */
};

static bool find_thread(const struct cw_core *core, struct crashed *c) {
	for (size_t i = 0; i < core->n_threads; i++) {
		words_stack_init(&c->stack, core, &core->threads[i]);
		c->panic = words_find(&c->stack, 0, panic_names);
		c->throw_ = words_find(&c->stack, 0, throw_names);
		if (c->throw_ == c->stack.n)
			c->throw_ = words_find(&c->stack, 0, fatal_names);
		if (c->panic < c->stack.n || c->throw_ < c->stack.n)
			return true;
	}
	return false;
}

static void take(struct crashed *c, const struct cw_symbol *symbol, const char *how) {
	const struct cw_location *at = &symbol->at;

	for (size_t i = symbol->n_inlined; i-- > 0;)
		if (words_is_own(&symbol->inlined[i]))
			at = &symbol->inlined[i];
	c->function = at->function;
	c->file = at->file;
	c->line = at->line;
	c->how = how;
}

/* runtime.sigpanic() is made to look called by the instruction that faulted. */
static void find_faulting(struct crashed *c) {
	size_t sigpanic = words_find(&c->stack, 0, sigpanic_names);
	const struct cw_symbol *symbol;
	uint64_t pc;

	if (sigpanic + 1 >= c->stack.n)
		return;
	pc = c->stack.frames[sigpanic + 1]->pc;
	c->has_signal = c->has_state && go_find_signal(c->stack.core, &c->state, pc, &c->signal);
	symbol = cw_symbolize(c->stack.core, pc, true);
	if (symbol && symbol->at.function && strncmp(symbol->at.function, "runtime.", 8) != 0)
		take(c, symbol, cw_format(c->stack.core, "the signal hit in it, at 0x%" PRIx64, pc));
}

static void find_function(struct crashed *c) {
	size_t from = c->panic < c->stack.n ? words_find(&c->stack, c->panic, gopanic_names) : c->throw_;
	size_t other = words_find(&c->stack, from, switch_names);
	struct words_place place;

	find_faulting(c);
	if (c->function)
		return;
	if (from < c->stack.n && words_find_place(&c->stack, from, &place) &&
	    place.frame->index < (other < c->stack.n ? c->stack.frames[other]->index : UINT32_MAX)) {
		c->function = place.function;
		c->file = place.file;
		c->line = place.line;
		c->how = cw_format(c->stack.core, "the first frame that is not the runtime's (frame %u)", place.frame->index);
	} else if (c->has_state && c->state.function) {
		take(c, c->state.function, cw_format(c->stack.core, "from the saved context of the goroutine that the thread ran, runtime.g at 0x%" PRIx64, c->state.curg));
	}
}

static const char *place_text(const struct crashed *c) {
	if (!c->function)
		return "a goroutine";
	return c->file && c->line
	    ? cw_format(c->stack.core, "%s (%s:%u)", c->function, words_base_name(c->file), c->line)
	    : c->function;
}

static void add_common(const struct crashed *c, size_t frame, const char *message, struct cw_finding *f) {
	const struct words_stack *s = &c->stack;

	cw_finding_evidence(f, "frame %u of thread %d is %s()", s->frames[frame]->index, s->thread->id,
	    words_function(s->frames[frame]));
	if (message)
		cw_finding_evidence(f, "the runtime holds the text \"%s\"", message);
	if (c->function)
		cw_finding_evidence(f, "%s: %s", place_text(c), c->how);
	if (c->has_signal)
		cw_finding_evidence(f, "the runtime noted signal %u, code %llu, address 0x%llx at pc 0x%llx",
		    c->signal.number, (unsigned long long)c->signal.code, (unsigned long long)c->signal.address,
		    (unsigned long long)c->signal.pc);
	cw_fact_string(f, "runtime", "go");
	cw_fact_string(f, "message", message);
	cw_fact_string(f, "culprit", c->function);
	if (c->file && c->line) {
		cw_fact_string(f, "file", c->file);
		cw_fact_integer(f, "line", c->line);
	}
}

static void claim_panic(const struct crashed *c, struct cw_run *run) {
	static const struct {
		const char *text, *id, *advice;
	} table[] = {
		{ "nil pointer dereference", "check-nil",
		    "uses a nil pointer: test it, or see why the value that should be there was not set (an error that was not looked at?)" },
		{ "index out of range", "check-index", "indexes past the end: compare the index with len() first" },
		{ "slice bounds out of range", "check-index",
		    "slices past the end: compare the bounds with len() and cap() first" },
		{ "integer divide by zero", "check-divisor", "divides by zero: test the divisor" },
		{ "assignment to entry in nil map", "make-map",
		    "writes to a map that was never made: make() it first" },
		{ "interface conversion", "check-type",
		    "asserts a type that the interface does not hold: use the two-value form, v, ok := x.(T)" },
		{ "closed channel", "close-once",
		    "closes or sends on a channel that is closed: let only the sender close it, once" },
	};
	const char *message = c->has_state ? c->state.panic : NULL;
	struct cw_finding *f;

	f = cw_finding_add(run, "panic", words_trust(&c->stack, c->panic, CW_CERTAIN), "Go panic in %s%s%s",
	    place_text(c), message ? ": " : "", message ? message : "");
	add_common(c, c->panic, message, f);
	for (size_t i = 0; message && i < sizeof(table) / sizeof(table[0]); i++)
		if (strstr(message, table[i].text)) {
			cw_finding_suggest(
			    f, table[i].id, NULL, "%s %s", c->function ? c->function : "the function", table[i].advice);
			return;
		}
	cw_finding_suggest(f, "return-error", "defer func() { if r := recover(); r != nil { … } }()",
	    "%s panics%s%s%s: return an error where this can happen in operation, or recover() where the goroutine begins",
	    c->function ? c->function : "the function", message ? " with \"" : "", message ? message : "",
	    message ? "\"" : "");
}

static void claim_null(const struct crashed *c, const char *message, struct cw_run *run) {
	struct cw_finding *f = cw_finding_add(run, "null-dereference", CW_CERTAIN,
	    "%s accessed address 0x%llx, in the null page; Go's runtime then ended the program", place_text(c),
	    (unsigned long long)c->signal.address);

	add_common(c, c->throw_, message, f);
	cw_fact_integer(f, "offset", (int64_t)c->signal.address);
	cw_finding_suggest(f, "check-pointer", NULL,
	    "%s uses a null pointer; a fault in C code called by cgo cannot be recovered in Go: check the pointer before the call",
	    c->function ? c->function : "the C code");
}

static void claim_throw(const struct crashed *c, const char *message, struct cw_run *run) {
	bool overflow = message && strcmp(message, "stack overflow") == 0;
	uint64_t variable, limit = 0;
	struct cw_finding *f;

	f = cw_finding_add(run, "runtime-fatal-error", words_trust(&c->stack, c->throw_, CW_CERTAIN),
	    "Go's runtime gave up in %s%s%s%s", place_text(c), message ? ": fatal error: " : "", message ? message : "",
	    overflow ? " (goroutine stack exceeds its limit)" : "");
	add_common(c, c->throw_, message, f);
	if (overflow && cw_find_symbol(c->stack.core, NULL, "runtime.maxstacksize", &variable) >= 0 &&
	    cw_read_word(c->stack.core, variable, &limit) >= 0 && limit <= INT64_MAX) {
		cw_fact_string(f, "kind", "goroutine-stack");
		cw_fact_integer(f, "limit_bytes", (int64_t)limit);
		cw_finding_evidence(f, "runtime.maxstacksize is %llu; the goroutine's stack had grown to %llu bytes",
		    (unsigned long long)limit, (unsigned long long)c->state.stack_bytes);
		cw_finding_suggest(f, "end-recursion", NULL,
		    "look at the condition that should end the recursion of %s: its goroutine used %llu of %llu bytes, and was to double",
		    c->function ? c->function : "the function", (unsigned long long)c->state.stack_bytes,
		    (unsigned long long)limit);
		cw_finding_suggest(f, "raise-limit",
		    cw_format(c->stack.core, "debug.SetMaxStack(%llu << 20)",
			(unsigned long long)(limit >> 20 ? (limit >> 20) * 4 : 64)),
		    "only if so deep a recursion is meant: raise the limit");
	} else if (message && strstr(message, "concurrent map")) {
		cw_finding_suggest(f, "lock-map", "go build -race",
		    "%s uses a map while another goroutine writes to it: guard it by a sync.Mutex, or use sync.Map; the race detector names both",
		    c->function ? c->function : "a goroutine");
	} else {
		if (message && strstr(message, "memory"))
			words_add_space(c->stack.core, f);
		cw_finding_suggest(f, "read-traceback", NULL,
		    "fatal errors of the runtime cannot be recovered: the traceback of all goroutines is in the program's output; look at what %s does there",
		    c->function ? c->function : "the goroutine");
	}
}

static int run(const struct cw_core *core, struct cw_run *host) {
	struct crashed c = {};
	const char *message = NULL;
	uint64_t low, high;
	size_t throw_;

	if (!find_thread(core, &c)) {
		go_claim_asked(core, host);
		return 0;
	}
	c.has_state = go_find_state(core, c.stack.thread, &c.state);
	find_function(&c);
	if (c.panic < c.stack.n) {
		claim_panic(&c, host);
		return 0;
	}
	throw_ = words_find(&c.stack, 0, throw_names);
	if (words_frame_bytes(&c.stack, throw_, &low, &high))
		message = go_find_throw_text(core, low, high);
	else if (c.has_state)
		message = c.state.thrown;
	if (c.has_signal && c.signal.number == SIGSEGV && c.signal.address < 65536)
		claim_null(&c, message, host);
	else
		claim_throw(&c, message, host);
	return 0;
}

CW_ANALYZER(go_runtime) = {
	.abi = CW_ANALYZER_ABI,
	.name = "go-runtime",
	.summary = "Go panics and fatal errors of Go's runtime",
	.priority = 65,
	.applies = words_aborted_itself,
	.run = run,
};
