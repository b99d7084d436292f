/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * abort-message: why a C library aborted the program. glibc keeps the text that it printed in __abort_msg (glibc:
 * include/stdlib.h, struct abort_msg_s: `unsigned size; char msg[]`), GLib in __glib_assert_msg; both are there for
 * debuggers and readable without debug info. The text names the check that failed, the frames say on whose behalf it
 * was made. musl has no text: there the frames alone speak.
 *
 * Where a check finds damage that was done earlier, the function that ran into it is not called the culprit.
 */
#include "abort.h"

#include <signal.h>
#include <inttypes.h>
#include <string.h>

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))
#define MESSAGE_MAX 2048

enum finder {
	FINDER_CALLER, /* the function that called in is the one that did it */
	FINDER_VICTIM, /* the damage was done before, by anybody */
};

enum { KIND_SMASHED, KIND_FORTIFY, KIND_FD_SET, KIND_DOUBLE_FREE, KIND_INVALID_FREE, KIND_CORRUPTED };

/* The first kind with a prefix of the message counts. */
static const struct message_kind {
	const char *prefixes[16];
	const char *id, *kind, *summary;
	enum finder finder;
	const char *suggestion, *command;
	const char *before, *after; /* the advice, around the function's name */
} kinds[] = {
	[KIND_SMASHED] = {
		{ "*** stack smashing detected ***" }, "stack-smashing", "canary", "has a destroyed stack canary: one of its local arrays was overrun", FINDER_CALLER, "bound-the-write", NULL,
		"a write to a local array of ", " ran over its end up to the stack protector's canary: bound the copy by the array's size (snprintf instead of strcpy or sprintf, sizeof in read and memcpy)",
	},
	[KIND_FORTIFY] = {
		{ "*** buffer overflow detected ***" }, "buffer-overflow", "fortify", "was about to write more than the destination holds", FINDER_CALLER, "bound-the-copy", NULL,
		"the data that ", " copies is larger than the destination, whose size the compiler knows (_FORTIFY_SOURCE): bound the copy by it, or make the destination larger",
	},
	[KIND_FD_SET] = {
		{ "*** bit out of range" }, "buffer-overflow", "fd-set", "used a descriptor that an fd_set cannot hold", FINDER_CALLER, "use-poll", NULL,
		"a descriptor of FD_SETSIZE (1024) or more got into an fd_set in ", ": use poll() or epoll",
	},
	[KIND_DOUBLE_FREE] = {
		{ "free(): double free", "double free or corruption (fasttop)" }, "heap-corruption", "double-free", "freed a block twice", FINDER_CALLER, "free-once", NULL,
		"", " frees a block that is free already: settle who owns it, and set the pointer to NULL where it is freed first",
	},
	[KIND_INVALID_FREE] = {
		{ "free(): invalid pointer", "munmap_chunk(): invalid pointer", "realloc(): invalid pointer" }, "heap-corruption", "invalid-free", "gave back a pointer that is no intact heap block",
		FINDER_CALLER, "find-the-pointer", NULL,
		"", " passes a pointer that malloc() did not return (into the middle of a block, to a local or a constant), or whose block is damaged: look at where it comes from",
	},
	[KIND_CORRUPTED] = {
		{ "double free or corruption", "corrupted ", "malloc(): ", "malloc_consolidate(): ", "free(): ", "realloc(): ", "calloc(): ", "memalign(): ", "mremap_chunk(): ", "invalid fastbin entry",
		  "break adjusted to free malloc space", "Fatal glibc error: malloc", "malloc.c:" },
		"heap-corruption", "corrupted", "ran into a damaged heap", FINDER_VICTIM, "use-asan", "-fsanitize=address -g",
		"code that ran before ", " wrote past the end of a heap block or into a freed one: AddressSanitizer stops at that write itself",
	},
};

/* What the frames alone prove, where there is no text (musl, static programs without symbols for it). */
static const struct {
	const char *names[6];
	int kind;
} frame_kinds[] = {
	{ { "__stack_chk_fail", "__stack_chk_fail_local", NULL }, KIND_SMASHED },
	{ { "__chk_fail", NULL }, KIND_FORTIFY },
	{ { "malloc_printerr", NULL }, KIND_CORRUPTED },
};

static const char *const checkers[] = { "__assert_fail*", "__assert_perror_fail", "__assert", "__libc_message*",
	"__fortify_fail*", "__stack_chk_fail*", "__chk_fail", "malloc_printerr", "__malloc_assert",
	"__libc_assert_fail", "g_assertion_message*", "std::__glibcxx_assert_fail*", "std::__replacement_assert*",
	"std::__1::__libcpp_verbose_abort*", "std::__libcpp_verbose_abort*", NULL };

static const char *const glib_names[] = { "g_assertion_message*", NULL };
static const char *const abort_names[] = { "abort", "__GI_abort", "__libc_abort", NULL };

static const char *read_through(const struct cw_core *core, const char *variable, unsigned skip, uint64_t *ret_at) {
	uint64_t address, pointer;

	if (cw_find_symbol(core, NULL, variable, &address) < 0 || cw_read_word(core, address, &pointer) < 0 ||
	    pointer == 0)
		return NULL;
	*ret_at = pointer + skip;
	return words_read_string(core, pointer + skip, MESSAGE_MAX);
}

/* abort() that the program calls itself leaves no text: what is there is of an earlier one, that a handler survived. */
void abort_find_message(struct abort_reason *reason) {
	static const struct {
		const char *variable;
		unsigned skip;
	} places[] = { { "__abort_msg", sizeof(uint32_t) }, { "__glib_assert_msg", 0 } };
	const bool fresh[] = { !reason->own_abort, words_find(reason->stack, 0, glib_names) < reason->stack->n };

	for (size_t i = 0; i < COUNT(places) && !reason->message; i++) {
		if (!fresh[i])
			continue;
		reason->message = read_through(reason->stack->core, places[i].variable, places[i].skip, &reason->message_at);
		if (reason->message)
			reason->source = places[i].variable;
	}
}

void abort_add_evidence(const struct abort_reason *reason, struct cw_finding *finding) {
	const struct words_stack *s = reason->stack;

	if (reason->message)
		cw_finding_evidence(finding, "%s, where the library leaves its last words, points to \"%s\" (at 0x%" PRIx64 ")",
		    reason->source, reason->message, reason->message_at);
	if (reason->checker < s->n)
		cw_finding_evidence(finding, "frame %u is %s()", s->frames[reason->checker]->index,
		    words_bare(s->core, words_function(s->frames[reason->checker])));
	if (reason->called_abort)
		cw_finding_evidence(finding, "abort() is on the stack of the thread that crashed");
}

static const struct message_kind *kind_of_message(const char *message) {
	for (size_t i = 0; message && i < COUNT(kinds); i++)
		for (size_t k = 0; k < COUNT(kinds[i].prefixes) && kinds[i].prefixes[k]; k++)
			if (strncmp(message, kinds[i].prefixes[k], strlen(kinds[i].prefixes[k])) == 0)
				return &kinds[i];
	return NULL;
}

static const struct message_kind *kind_of_frames(const struct words_stack *stack) {
	for (size_t i = 0; i < COUNT(frame_kinds); i++)
		if (words_find(stack, 0, frame_kinds[i].names) < stack->n)
			return &kinds[frame_kinds[i].kind];
	return NULL;
}

/* "strcpy" of __strcpy_chk, "free" of __libc_free: the library function that the program called. */
static const char *library_function(const struct words_stack *stack, const struct words_place *place) {
	const char *last = NULL;

	for (size_t i = 0; i < stack->n && stack->frames[i] != place->frame; i++)
		last = words_function(stack->frames[i]);
	if (!last)
		return NULL;
	if (strncmp(last, "__libc_", 7) == 0 || strncmp(last, "__GI___libc_", 12) == 0)
		return words_bare(stack->core, strrchr(last, '_') + 1);
	if (strncmp(last, "__", 2) == 0 && strlen(last) > 6 && strcmp(last + strlen(last) - 4, "_chk") == 0)
		return cw_format(
		    stack->core, "%.*s", (int)(strlen(last) - strspn(last, "_") - 4), last + strspn(last, "_"));
	return words_bare(stack->core, last);
}

static void claim_kind(const struct abort_reason *reason, const struct message_kind *kind,
    enum cw_confidence confidence, struct cw_run *run) {
	const struct words_stack *s = reason->stack;
	struct words_place place;
	bool placed = words_find_place(s, reason->checker < s->n ? reason->checker : 0, &place);
	const char *where = placed ? place.text : "the program", *called = placed ? library_function(s, &place) : NULL;
	struct cw_finding *f;

	f = cw_finding_add(run, kind->id, confidence, "%s %s%s%s%s", where, kind->summary,
	    reason->message ? ": \"" : "", reason->message ? reason->message : "", reason->message ? "\"" : "");
	abort_add_evidence(reason, f);
	cw_fact_string(f, "message", reason->message);
	cw_fact_string(f, "kind", kind->kind);
	if (called && kind != &kinds[KIND_SMASHED])
		cw_fact_string(f, "called", called);
	if (placed && kind->finder == FINDER_CALLER)
		words_add_place(f, &place);
	if (kind->finder == FINDER_VICTIM) {
		cw_fact_string(f, "culprit", NULL);
		cw_fact_string(f, "detected_in", placed ? place.function : NULL);
		cw_finding_detail(f,
		    "The damage was found by %s%s, called from %s; it was done earlier, and the stack does not show by whom.",
		    called ? called : "the allocator", called ? "()" : "", where);
	}
	if (kind == &kinds[KIND_SMASHED])
		cw_finding_detail(f,
		    "The canary of that frame was overwritten, and with it most likely the return address: frames outside of it may be wrong.");
	cw_finding_suggest(f, kind->suggestion, kind->command, "%s%s%s", kind->before,
	    placed && place.function ? cw_format(s->core, "%s()", place.function) : where, kind->after);
	if (strcmp(kind->id, "heap-corruption") == 0)
		cw_finding_suggest(f, "run-valgrind",
		    cw_format(s->core, "valgrind %s", s->core->executable ? cw_shell_word(s->core, s->core->executable) : "PROGRAM"),
		    "or run the same input under valgrind, which needs no new build");
}

/* A text of the library's that no table knows. */
static void claim_message(const struct abort_reason *reason, enum cw_confidence confidence, struct cw_run *run) {
	struct words_place place;
	bool placed = words_find_place(reason->stack, reason->checker < reason->stack->n ? reason->checker : 0, &place);
	struct cw_finding *f;

	f = cw_finding_add(run, "abort", confidence, "a library ended the program in %s: \"%s\"",
	    placed ? place.text : "unknown code", reason->message);
	abort_add_evidence(reason, f);
	cw_fact_string(f, "message", reason->message);
	if (placed)
		words_add_place(f, &place);
	cw_finding_suggest(f, "read-the-message", NULL,
	    "the library gave its reason: \"%s\"; look at what %s asked of it", reason->message,
	    placed ? place.text : "the program");
}

/* Who called abort(): the first frame outside of it is no runtime's. */
static bool is_own_abort(const struct words_stack *stack) {
	size_t i = words_find(stack, 0, abort_names);

	return i + 1 < stack->n && !words_is_runtime(stack->frames[i + 1]);
}

static bool applies(const struct cw_core *core) {
	/* musl ends a program with hlt, which is SIGSEGV. */
	return words_aborted_itself(core) || core->fault->cause == CW_CAUSE_PRIVILEGED;
}

static int run(const struct cw_core *core, struct cw_run *host) {
	const struct message_kind *kind;
	enum cw_confidence confidence;
	struct words_stack stack;
	struct abort_reason reason = { .stack = &stack };

	words_stack_init(&stack, core, core->crashed);
	reason.checker = words_find(&stack, 0, checkers);
	reason.called_abort = words_find(&stack, 0, abort_names) < stack.n;
	if (core->fault->cause == CW_CAUSE_PRIVILEGED) {
		/* Only in the failing check itself, and only the one that cannot be anything else. */
		if (reason.checker == 0 && words_match(words_function(stack.frames[0]), frame_kinds[0].names))
			claim_kind(&reason, kind_of_frames(&stack), CW_CERTAIN, host);
		return 0;
	}
	reason.own_abort = is_own_abort(&stack);
	abort_find_message(&reason);
	confidence = reason.checker < stack.n ? words_trust(&stack, reason.checker, CW_CERTAIN) : CW_LIKELY;
	if (abort_claim_assertion(&reason, host))
		return 0;
	kind = kind_of_message(reason.message);
	if (kind)
		claim_kind(&reason, kind, confidence, host);
	else if (reason.message)
		claim_message(&reason, confidence, host);
	else if (kind_of_frames(&stack))
		claim_kind(&reason, kind_of_frames(&stack), confidence, host);
	return 0;
}

CW_ANALYZER(abort_message) = {
	.abi = CW_ANALYZER_ABI,
	.name = "abort-message",
	.summary = "why the C library aborted: assertion, damaged heap, smashed stack, overflown buffer",
	.priority = 80,
	.applies = applies,
	.run = run,
};
