/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What to do about it, in the words of the program's own language and of the place where this stack's size is set, with figures from this crash. */
#include "stack-overflow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MIB UINT64_C(1048576)

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

static void suggest_recursion(const struct overflow *o, const struct overflow_story *s, struct cw_finding *finding) {
	char a[32], b[32];

	cw_finding_suggest(finding, "end-recursion", NULL,
	                   "Look at the condition that should end the recursion of %s(): it took %s turns of %s bytes. If the depth is meant to be that large, bound it, or use a loop with a container on the heap.",
	                   s->culprit ? s->culprit : "this function", group_digits(s->turns, a), group_digits(s->culprit_bytes, b));
	if (s->turns < 200 && o->stack_bytes > 0)
		cw_finding_suggest(finding, "shrink-frame", NULL, "Each turn is large: with %s bytes a turn only %s fit. Move large locals to the heap.",
		                   group_digits(s->culprit_bytes, a), group_digits(o->stack_bytes / (s->culprit_bytes ? s->culprit_bytes : 1), b));
}

static void suggest_shrink(const struct overflow_story *s, struct cw_finding *finding) {
	char a[32];

	if (!s->culprit || s->culprit_bytes < 4096)
		return;
	group_digits(s->culprit_bytes, a);
	if (is_language(s->language, "Rust"))
		cw_finding_suggest(finding, "shrink-frame", NULL, "Make the %s-byte frame of %s smaller: Box the large locals (Box::new, vec![0; n].into_boxed_slice()) or, in async code, Box::pin the large futures.",
		                   a, s->culprit);
	else
		cw_finding_suggest(finding, "shrink-frame", NULL, "Make the %s-byte frame of %s() smaller: allocate its large locals on the heap (malloc, std::vector) or make them static.", a, s->culprit);
}

static void suggest_main(const struct cw_core *core, uint64_t size, struct cw_finding *finding) {
	const char *ulimit = cw_format(core, "ulimit -s %" PRIu64, size / 1024), *unit = cw_format(core, "LimitSTACK=%" PRIu64 "M", size / MIB);

	cw_finding_suggest(finding, "raise-limit", ulimit, "The main thread's stack is bounded by RLIMIT_STACK: raise it for the shell that starts the program.");
	cw_finding_suggest(finding, "raise-unit-limit", unit, "If a systemd unit starts it, set this in its [Service] section.");
}

static void suggest_rust_thread(const struct cw_core *core, uint64_t size, struct cw_finding *finding) {
	const char *name = core->crashed->name ? core->crashed->name : "";
	const char *builder = cw_format(core, "std::thread::Builder::new().stack_size(%" PRIu64 " << 20)", size / MIB);
	const char *tokio = cw_format(core, "tokio::runtime::Builder::new_multi_thread().thread_stack_size(%" PRIu64 " << 20)", size / MIB);
	const char *env = cw_format(core, "RUST_MIN_STACK=%" PRIu64, size);

	if (strncmp(name, "tokio-r", 7) == 0)
		cw_finding_suggest(finding, "tokio-stack-size", tokio, "Give tokio's worker threads a larger stack where the runtime is built.");
	else
		cw_finding_suggest(finding, "thread-stack-size", builder, "Give the thread a larger stack where it is spawned.");
	cw_finding_suggest(finding, "rust-min-stack", env, "Or, without building again, set this in the environment: threads that ask for no size of their own then get it.");
}

static void suggest_size(const struct cw_core *core, const struct overflow *o, const struct overflow_story *s, struct cw_finding *finding) {
	uint64_t size = better_size(o, s);

	switch (core->crashed->stack.kind) {
	case CW_STACK_MAIN:
		suggest_main(core, size, finding);
		break;
	case CW_STACK_PTHREAD:
		if (is_language(s->language, "Rust") || (core->program && is_language(core->program->language, "Rust")))
			suggest_rust_thread(core, size, finding);
		else
			cw_finding_suggest(finding, "thread-stack-size", cw_format(core, "pthread_attr_setstacksize(&attr, %" PRIu64 " << 20)", size / MIB),
			                   "Give the thread a larger stack where it is created.");
		break;
	case CW_STACK_ALTERNATE:
		cw_finding_suggest(finding, "alternate-stack-size", cw_format(core, "sigaltstack() with ss_size = %" PRIu64, size),
		                   "The signal handler ran out of its alternate stack: make that larger, or do less in the handler.");
		break;
	case CW_STACK_CUSTOM:
		cw_finding_suggest(finding, "stack-size", NULL, "The program made this stack itself (a coroutine or fiber): allocate %" PRIu64 " bytes for it.", size);
		break;
	default:
		break;
	}
}

void overflow_suggest(const struct cw_core *core, const struct overflow *o, const struct overflow_story *s, struct cw_finding *finding) {
	if (s->kind == OVERFLOW_RECURSION)
		suggest_recursion(o, s, finding);
	else
		suggest_shrink(s, finding);
	if (s->kind != OVERFLOW_RECURSION || s->turns < 100000)
		suggest_size(core, o, s, finding);
	if (s->kind != OVERFLOW_RECURSION && s->optimized == 0)
		cw_finding_suggest(finding, "optimise", is_language(s->language, "Rust") ? "CARGO_PROFILE_DEV_OPT_LEVEL=1 cargo build" : "-Og",
		                   "This is a debug build, whose frames are several times as large: an optimised build may fit.");
	if (core->fault->cause == CW_CAUSE_SIGNAL_UNDELIVERABLE)
		cw_finding_suggest(finding, "alternate-stack", NULL,
		                   "To see the true fault next time, give the thread an alternate signal stack (sigaltstack), since a SIGSEGV handler is installed.");
}
