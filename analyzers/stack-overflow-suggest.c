/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What to do about it, in the words of the program's own language and of the place where this stack's size is set, with figures from this crash. */
#include "stack-overflow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MIB UINT64_C(1048576)
/* A turn of a recursion with frames of this size has large locals. */
#define TURN_LARGE 4096
/* What the C library keeps at the top of every thread's stack is less. */
#define TLS_LARGE (64u << 10)
/* Nobody means to have a variable-length array as large as this. */
#define UNBOUNDED (256 * MIB)

static bool is_language(const char *language, const char *wanted) {
	return language && strcmp(language, wanted) == 0;
}

/* A size that would have been enough as far as can be told: four times what there was, or what the frame needs and as much again; a power of two. */
static uint64_t better_size(const struct overflow *o, const struct overflow_story *s) {
	uint64_t need = o->used_bytes + (s->kind == OVERFLOW_LARGE_FRAME ? s->culprit_bytes : 0), size = MIB;

	if (need < o->stack_bytes)
		need = o->stack_bytes;
	while (size < need * 2 && size < UINT64_C(1) << 40)
		size *= 2;
	return o->stack_bytes >= MIB && size < o->stack_bytes * 4 ? o->stack_bytes * 4 : size;
}

/* Libraries' recursion, and recursion that the compiler wrote: what to do is the same for all of a kind. */
static const struct {
	const char *part; /* of the name of what recursed */
	const char *id, *command, *advice;
} known_recursions[] = {
	{ "std::__detail::_Executor", "bound-regex-input", NULL,
	  "std::regex recurses once for every character that it matches: bound the length of its input, or use a library that does not (RE2, PCRE2)" },
	{ "drop_in_place", "iterative-drop", "while let Some(mut node) = next { next = node.next.take(); }",
	  "dropping a chain of boxes recurses once for each: implement Drop with a loop that takes the next one out before a node is dropped" },
	{ "::~", "iterative-destructor", "while (next) next = std::move(next->next);",
	  "destroying a chain of owners recurses once for each: take the chain apart in a loop, in the destructor of its head" },
};

static bool has_module(const struct cw_core *core, const char *pattern) {
	for (size_t i = 0; i < core->n_modules; i++)
		if (words_match(words_base_name(core->modules[i].path), (const char *const[]){ pattern, NULL }))
			return true;
	return false;
}

/* The function, or one that was inlined there. */
static bool mentions(const struct cw_core *core, const struct cw_symbol *symbol, const char *part) {
	const char *bare = symbol && symbol->at.function ? words_bare(core, symbol->at.function) : NULL;
	bool found = bare && strstr(bare, part);

	for (size_t i = 0; symbol && i < symbol->n_inlined && !found; i++) {
		bare = words_bare(core, symbol->inlined[i].function);
		found = bare && strstr(bare, part);
	}
	return found;
}

static void suggest_recursion(const struct cw_core *core, const struct overflow_story *s, struct cw_finding *finding) {
	const struct cw_frame *c = core->crashed->cycle;
	const char *name = s->recursing ? s->recursing : s->culprit;
	char a[32], b[32];

	for (size_t i = 0; i < sizeof(known_recursions) / sizeof(known_recursions[0]); i++)
		for (size_t k = 0; c && k < (c->n_cycle > 0 ? c->n_cycle : 1); k++) {
			const struct cw_symbol *symbol = c->n_cycle > 0 ? c->cycle[k].symbol : c->symbol;

			if (!mentions(core, symbol, known_recursions[i].part))
				continue;
			cw_finding_suggest(finding, known_recursions[i].id, known_recursions[i].command, "%s (here %s times, called by %s)",
			                   known_recursions[i].advice, group_digits(s->turns, a), s->where ? s->where : "the program");
			return;
		}
	if (!s->culprit && (has_module(core, "python3*") || has_module(core, "libpython3*"))) {
		cw_finding_suggest(finding, "end-recursion", "sys.setrecursionlimit(1000)",
		                   "Python code recurses through the interpreter (%s turns of %s bytes of its stack), and the recursion limit that would end it by a RecursionError was raised or does not count these calls: lower it, or use a loop. python3 -X faulthandler prints the Python stack.",
		                   group_digits(s->turns, a), group_digits(s->culprit_bytes, b));
		return;
	}
	for (size_t k = 0; c && k < c->n_cycle; k++)
		if (c->cycle[k].signal_frame) {
			cw_finding_suggest(finding, "end-recursion", "sigaction() without SA_NODEFER",
			                   "%s%s runs in a signal handler that is interrupted by another signal before it has ended, %s times: it raises the signal, or the very fault that it handles, itself, and SA_NODEFER lets that in.",
			                   name ? name : s->where ? s->where : "This function", name ? "()" : "", group_digits(s->turns, a));
			return;
		}
	cw_finding_suggest(finding, "end-recursion", NULL,
	                   "Look at the condition that should end the recursion of %s%s: it took %s turns of %s bytes. If the depth is meant to be that large, bound it, or use a loop with a container on the heap.",
	                   name ? name : s->where ? s->where : "this function", name ? "()" : "", group_digits(s->turns, a), group_digits(s->culprit_bytes, b));
	if (s->culprit_bytes >= TURN_LARGE)
		cw_finding_suggest(finding, "shrink-frame", NULL, "Each turn is large: %s bytes. Move large locals to the heap.", group_digits(s->culprit_bytes, a));
}

/* A frame whose size the program computed, and computed far too large: no stack is meant to hold that. */
static bool is_unbounded(const struct cw_core *core, const struct overflow *o, const struct overflow_story *s) {
	return s->kind == OVERFLOW_LARGE_FRAME && s->culprit_frame && s->culprit_bytes > UNBOUNDED && s->culprit_bytes > o->stack_bytes &&
	       overflow_has_variable_frame(core, s->culprit_frame->pc);
}

static void suggest_shrink(const struct cw_core *core, const struct overflow *o, const struct overflow_story *s, struct cw_finding *finding) {
	char a[32];

	if (!s->culprit || s->culprit_bytes < 4096)
		return;
	group_digits(s->culprit_bytes, a);
	if (is_unbounded(core, o, s))
		cw_finding_suggest(finding, "bound-length", NULL,
		                   "%s() computes how much of the stack it takes (alloca, a variable-length array), and came to %s bytes: look for a length that is negative, wrapped around or comes from outside, and check it against a bound first.",
		                   s->culprit, a);
	else if (is_language(s->language, "Rust"))
		cw_finding_suggest(finding, "shrink-frame", NULL, "Make the %s-byte frame of %s smaller: Box the large locals (Box::new, vec![0; n].into_boxed_slice()) or, in async code, Box::pin the large futures.",
		                   a, s->culprit);
	else
		cw_finding_suggest(finding, "shrink-frame", NULL, "Make the %s-byte frame of %s() smaller: allocate its large locals on the heap (malloc, std::vector) or make them static.", a, s->culprit);
}

static void suggest_main(const struct cw_core *core, const struct overflow *o, uint64_t size, const char *when, struct cw_finding *finding) {
	const char *ulimit = cw_format(core, "ulimit -s %" PRIu64, size / 1024), *unit = cw_format(core, "LimitSTACK=%" PRIu64 "M", size / MIB);
	char a[32];

	if (o->blocked) {
		cw_finding_suggest(finding, "free-the-stack", NULL,
		                   "The main stack stopped growing at %s bytes, short of its limit: the program mapped memory below it at a fixed address. Leave the choice of addresses to mmap().",
		                   group_digits(o->used_bytes, a));
		return;
	}
	cw_finding_suggest(finding, "raise-limit", ulimit, "%sThe main thread's stack is bounded by RLIMIT_STACK: raise it for the shell that starts the program.", when);
	cw_finding_suggest(finding, "raise-unit-limit", unit, "%sIf a systemd unit starts it, set this in its [Service] section.", when);
}

/* std::thread has no way to ask for a size. */
static bool is_std_thread(const struct cw_thread *t) {
	for (size_t i = 0; i < t->n_functions; i++)
		if (strstr(t->functions[i].function, "std::thread::_State_impl") || strstr(t->functions[i].function, "std::__1::__thread_proxy"))
			return true;
	return false;
}

static void suggest_c_thread(const struct cw_core *core, uint64_t size, const char *when, struct cw_finding *finding) {
	const struct cw_thread *t = core->crashed;

	if (has_module(core, "libjvm.so"))
		cw_finding_suggest(finding, "java-stack-size", cw_format(core, "java -Xss%" PRIu64 "m", size / MIB),
		                   "%sGive Java's threads a larger stack, or one thread by the stackSize argument of its constructor.", when);
	else if (has_module(core, "python3*") || has_module(core, "libpython3*"))
		cw_finding_suggest(finding, "python-stack-size", cw_format(core, "threading.stack_size(%" PRIu64 " << 20)", size / MIB),
		                   "%sGive the threads that are started afterwards a larger stack, or lower sys.setrecursionlimit().", when);
	else if (is_std_thread(t))
		cw_finding_suggest(finding, "thread-stack-size", cw_format(core, "ulimit -s %" PRIu64, size / 1024),
		                   "%sstd::thread takes the default size, which is RLIMIT_STACK at the program's start: raise that, or start this thread with pthread_create() and pthread_attr_setstacksize().", when);
	else
		cw_finding_suggest(finding, "thread-stack-size", cw_format(core, "pthread_attr_setstacksize(&attr, %" PRIu64 " << 20)", size / MIB),
		                   "%sGive the thread a larger stack where it is created.", when);
	if (t->stack.source && strstr(t->stack.source, "musl"))
		cw_finding_suggest(finding, "default-stack-size", cw_format(core, "-Wl,-z,stack-size=%" PRIu64, size),
		                   "%sOr link with this: musl gives threads only 128 KiB unless the program's file asks for more.", when);
}

static void suggest_rust_thread(const struct cw_core *core, uint64_t size, const char *when, struct cw_finding *finding) {
	const char *name = core->crashed->name ? core->crashed->name : "";
	const char *builder = cw_format(core, "std::thread::Builder::new().stack_size(%" PRIu64 " << 20)", size / MIB);
	const char *tokio = cw_format(core, "tokio::runtime::Builder::new_multi_thread().thread_stack_size(%" PRIu64 " << 20)", size / MIB);
	const char *env = cw_format(core, "RUST_MIN_STACK=%" PRIu64, size);

	if (strncmp(name, "tokio-r", 7) == 0)
		cw_finding_suggest(finding, "tokio-stack-size", tokio, "%sGive tokio's worker threads a larger stack where the runtime is built.", when);
	else
		cw_finding_suggest(finding, "thread-stack-size", builder, "%sGive the thread a larger stack where it is spawned.", when);
	cw_finding_suggest(finding, "rust-min-stack", env, "%sOr, without building again, set this in the environment: threads that ask for no size of their own then get it.", when);
}

static void suggest_size(const struct cw_core *core, const struct overflow *o, const struct overflow_story *s, struct cw_finding *finding) {
	const char *when = s->kind == OVERFLOW_RECURSION ? "Only if such a depth is meant: " : "";
	uint64_t size = better_size(o, s);
	char a[32];

	switch (core->crashed->stack.kind) {
	case CW_STACK_MAIN:
		suggest_main(core, o, size, when, finding);
		break;
	case CW_STACK_PTHREAD:
		if (is_language(s->language, "Rust") || (core->program && is_language(core->program->language, "Rust")))
			suggest_rust_thread(core, size, when, finding);
		else
			suggest_c_thread(core, size, when, finding);
		break;
	case CW_STACK_ALTERNATE:
		cw_finding_suggest(finding, "alternate-stack-size", cw_format(core, "sigaltstack() with ss_size = %" PRIu64, size),
		                   "%sThe signal handler ran out of its alternate stack: make that larger, or do less in the handler.", when);
		break;
	case CW_STACK_CUSTOM:
		cw_finding_suggest(finding, "stack-size", NULL,
		                   "%sThe program made this stack itself (a coroutine or fiber): allocate %s bytes for it, with an inaccessible page below.", when,
		                   group_digits(size, a));
		break;
	default:
		break;
	}
}

static void suggest_tls(const struct overflow_story *s, struct cw_finding *finding) {
	char a[32];

	if (s->tls && s->tls->bytes > TLS_LARGE)
		cw_finding_suggest(finding, "shrink-tls", NULL,
		                   "%s bytes of every thread's stack are thread-local variables (thread_local, __thread): allocate them when they are first used, or add as much to the stack's size.",
		                   group_digits(s->tls->bytes, a));
}

/* Of the frames' bytes those in code of the culprit's module: what an optimised build can change, and no more. How much it does is not known
 * before it has been measured, so no ratio is named. */
static void suggest_optimised(const struct cw_core *core, const struct overflow_story *s, struct cw_finding *finding) {
	const struct cw_thread *t = core->crashed;
	const struct cw_module *module = s->culprit_frame ? s->culprit_frame->module : NULL;
	bool rust = is_language(s->language, "Rust");
	uint64_t bytes = 0;
	char a[32], b[32];

	for (size_t i = 0; module && i < t->n_functions; i++)
		if (t->functions[i].module == module)
			bytes += t->functions[i].bytes;
	if (bytes == 0)
		return;
	cw_finding_suggest(finding, "optimise", rust ? "CARGO_PROFILE_DEV_OPT_LEVEL=1 cargo build" : "-Og",
	                   "By its debug info this is a debug build: its compiler gave every local variable%s a place of its own. %s of the %s bytes of frames are in its code, and an optimised build may need fewer: try it, and compare.",
	                   rust ? " and every temporary" : "", group_digits(bytes, a), group_digits(s->accounted, b));
}

void overflow_suggest(const struct cw_core *core, const struct overflow *o, const struct overflow_story *s, struct cw_finding *finding) {
	if (s->kind == OVERFLOW_RECURSION)
		suggest_recursion(core, s, finding);
	else
		suggest_shrink(core, o, s, finding);
	suggest_tls(s, finding);
	if (is_unbounded(core, o, s))
		return;
	suggest_size(core, o, s, finding);
	if (s->kind != OVERFLOW_RECURSION && s->optimized == 0)
		suggest_optimised(core, s, finding);
	if (core->fault->cause == CW_CAUSE_SIGNAL_UNDELIVERABLE)
		cw_finding_suggest(finding, "alternate-stack", NULL,
		                   "To see the true fault next time, give the thread an alternate signal stack (sigaltstack): a handler for the signal is installed.");
}
