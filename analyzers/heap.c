/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap: a fault inside the C library's allocator. It reads and writes nothing but its own lists and the headers of
 * blocks, so a bad pointer there is a damaged heap, or a block that was given back and is none. musl checks, and stops
 * with hlt when a check fails.
 *
 * The innermost function itself (free() reading the header in front of its argument) is left to the signal analyzer:
 * there the argument is what is wrong, and its caller gave it.
 */
#include <string.h>

#include "words.h"

/* Internals by name; a library without them is known by its exported functions further out. */
static const char *const internal_names[] = { "_int_malloc", "_int_free*", "_int_realloc", "_int_memalign", "malloc_consolidate",
	"unlink_chunk*", "tcache_get*", "tcache_put*", "sysmalloc*", "systrim*", "munmap_chunk", "mremap_chunk", "get_meta",
	"alloc_slot", "alloc_group", "nontrivial_free", "free_group", "try_avail", "queue", "dequeue", "__malloc_alloc_meta",
	"__libc_malloc_impl", "__libc_free", "__libc_realloc", "__libc_calloc", NULL };
static const char *const free_names[] = { "free", "cfree", "__libc_free", "__GI___libc_free", "realloc", "__libc_realloc",
	"__GI___libc_realloc", "operator delete*", NULL };
static const char *const allocate_names[] = { "malloc", "calloc", "__libc_malloc*", "__GI___libc_malloc", "__libc_calloc",
	"__GI___libc_calloc", "memalign", "aligned_alloc", "posix_memalign", "default_malloc", "operator new*", NULL };
static const char *const musl_names[] = { "get_meta", "__libc_malloc_impl", "__libc_free", "alloc_slot", "nontrivial_free", "free", NULL };

struct heap_fault {
	struct words_stack stack;
	size_t first; /* that faulted */
	size_t entry; /* the function that the program called */
	bool gives_back;
	bool musl_check;
};

static bool is_libc(const struct cw_frame *f) {
	return f->module && words_match(words_base_name(f->module->path), (const char *const[]){ "libc.so*", "libc-2*", "libc.musl*", "ld-musl*", NULL });
}

static bool is_entry(const struct cw_frame *f) {
	return words_match(words_function(f), free_names) || words_match(words_function(f), allocate_names);
}

static bool find(const struct cw_core *core, struct heap_fault *h) {
	size_t i = 0, first;

	words_stack_init(&h->stack, core, core->crashed);
	while (i < h->stack.n && h->stack.frames[i]->index < core->fault->frame_index)
		i++;
	h->first = first = i;
	/* Its own functions, or unnamed ones of the library's, up to one that programs call. */
	while (i < h->stack.n && !is_entry(h->stack.frames[i]) &&
	       (words_match(words_function(h->stack.frames[i]), internal_names) || (is_libc(h->stack.frames[i]) && !words_function(h->stack.frames[i]))))
		i++;
	if (i >= h->stack.n)
		return false;
	h->musl_check = core->fault->cause == CW_CAUSE_PRIVILEGED && words_match(words_function(h->stack.frames[first]), musl_names);
	if (i == first && !h->musl_check)
		return false;
	if (!is_entry(h->stack.frames[i])) {
		/* musl's free() jumps on to its internals and leaves no frame: get_meta() serves free() and realloc() only. */
		if (i == first || !words_match(words_function(h->stack.frames[first]), (const char *const[]){ "get_meta", "nontrivial_free", NULL }))
			return false;
		h->entry = i - 1;
		h->gives_back = true;
		return true;
	}
	h->entry = i;
	h->gives_back = words_match(words_function(h->stack.frames[i]), free_names);
	return true;
}

static bool applies(const struct cw_core *core) {
	enum cw_fault_cause cause = core->fault->cause;

	return cause == CW_CAUSE_PRIVILEGED || cause == CW_CAUSE_PAGE_FAULT || cause == CW_CAUSE_NON_CANONICAL;
}

static int run(const struct cw_core *core, struct cw_run *host) {
	const struct cw_fault *fault = core->fault;
	struct heap_fault h = {};
	struct words_place place;
	const char *inner, *where;
	struct cw_finding *f;
	bool placed;

	if (!find(core, &h))
		return 0;
	placed = words_find_place(&h.stack, h.entry + 1, &place);
	where = placed ? place.text : "the program";
	inner = words_function(h.stack.frames[h.first]);
	if (h.gives_back)
		f = cw_finding_add(host, "heap-corruption", h.musl_check ? words_trust(&h.stack, h.entry, CW_CERTAIN) : CW_LIKELY,
		    "%s gave back a pointer that is no intact heap block, or was given back before", where);
	else
		f = cw_finding_add(host, "heap-corruption", h.musl_check ? words_trust(&h.stack, h.entry, CW_CERTAIN) : CW_LIKELY,
		    "%s ran into a damaged heap", where);
	cw_finding_evidence(f, "the fault is inside the C library's allocator, in %s()%s", inner ? words_bare(core, inner) : "an unnamed function",
	    h.musl_check ? ": musl stops with a privileged instruction when a check of its heap fails" : "");
	if (fault->instruction)
		cw_finding_evidence(f, "instruction at 0x%llx: %s", (unsigned long long)fault->instruction->address, fault->instruction->text);
	if (!h.musl_check && fault->has_address)
		cw_finding_evidence(f, "it followed a pointer of the heap's own to 0x%llx, which cannot be accessed", (unsigned long long)fault->address);
	cw_fact_string(f, "kind", h.gives_back ? "invalid-free" : "corrupted");
	cw_fact_string(f, "called", words_function(h.stack.frames[h.entry]) ? words_bare(core, words_function(h.stack.frames[h.entry])) : NULL);
	if (h.gives_back && placed)
		words_add_place(f, &place);
	else {
		cw_fact_string(f, "culprit", NULL);
		cw_fact_string(f, "detected_in", placed ? place.function : NULL);
		cw_finding_detail(f, "The damage was found by the allocator, called from %s; it was done earlier, and the stack does not show by whom.", where);
	}
	cw_finding_suggest(f, "use-asan", "-fsanitize=address -g",
	    h.gives_back ? "look at where the pointer that %s frees comes from; AddressSanitizer tells a double free, a wrong pointer and an overrun apart"
			 : "code that ran before %s wrote past the end of a heap block or into a freed one: AddressSanitizer stops at that write itself", where);
	cw_finding_suggest(f, "run-valgrind", cw_format(core, "valgrind %s", core->executable ? cw_shell_word(core, core->executable) : "PROGRAM"),
	    "or run the same input under valgrind, which needs no new build");
	return 0;
}

CW_ANALYZER(heap) = {
	.abi = CW_ANALYZER_ABI,
	.name = "heap",
	.summary = "faults and failed checks inside the C library's allocator: a damaged heap, a wrong pointer given back",
	.priority = 75,
	.applies = applies,
	.run = run,
};
