/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What analyzers share, those of aborts, exceptions and panics most: frames by name, the program's own function among those of
 * libraries and runtimes, and text in the crashed process that is only believed when it reads as text.
 *
 * All strings and pointers that are returned live as long as the core. Nothing here claims anything.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <corewatch/analyzer.h>

/* Innermost frames that are looked at: what ends a program stands well within them. */
#define WORDS_FRAMES_MAX 96

/* The innermost frames of one thread, one entry for each item or member of a cycle. */
struct words_stack {
	const struct cw_core *core;
	const struct cw_thread *thread;
	const struct cw_frame *frames[WORDS_FRAMES_MAX];
	size_t n;
};

/* The function to look at: of the program's own, or of the library that called into the runtime. */
struct words_place {
	const struct cw_frame *frame;
	const char *function; /* without arguments; or NULL: unnamed */
	const char *file;     /* or NULL */
	uint32_t line;
	bool tail_called; /* its frame is gone: it ended with a jump; `frame` is its caller's */
	bool scanned;     /* the frame was found by a scan of the stack: it may be a left-over */
	const char *text; /* "append() (assert.c:3)", "code at 0x1234 in libfoo.so"; never NULL */
};

void words_stack_init(struct words_stack *stack, const struct cw_core *core, const struct cw_thread *thread);

/* Whether the program sent itself SIGABRT; a SIGABRT from elsewhere says nothing about the code that it hits. */
bool words_aborted_itself(const struct cw_core *core);

/* Whether a name is in a NULL-terminated list; an entry that ends in '*' is a prefix. NULL is in no list. */
bool words_match(const char *function, const char *const *names);
/* The name of the frame's physical function, demangled; or NULL. */
const char *words_function(const struct cw_frame *frame);
/* The first frame at `from` or outside of it whose function, or one inlined in it, is in the list; stack->n: none. */
size_t words_find(const struct words_stack *stack, size_t from, const char *const *names);

/* How sure a claim can be that rests on the frames up to `frame`: less, where they were found by a scan of the stack.
 */
enum cw_confidence words_trust(const struct words_stack *stack, size_t frame, enum cw_confidence confidence);

/* Whether a function is named and neither of a runtime's nor of a library that is compiled in. */
bool words_is_own(const struct cw_location *at);
/* The innermost own function of a frame, inlined ones first; NULL: none. */
const struct cw_location *words_own_location(const struct cw_symbol *symbol);
/* A library of the system's: not the program's own, nor one that came with it. */
bool words_is_system(const struct cw_module *module);
/* Code of a language's or the system's runtime: nobody's own function to change. */
bool words_is_runtime(const struct cw_frame *frame);
/* The first frame from `from` on that is not a runtime's. False: none among the frames that are kept. */
bool words_find_place(const struct words_stack *stack, size_t from, struct words_place *ret_place);

/* "439 872" into a buffer of at least 32 bytes, which is returned. */
const char *group_digits(uint64_t value, char *buffer);
/* A name without the arguments of functions and templates. NULL for NULL. */
const char *words_bare(const struct cw_core *core, const char *function);
const char *words_base_name(const char *path);
/* A thread's name, or its number. */
const char *words_thread(const struct cw_core *core, const struct cw_thread *thread);

/* The stack bytes of one frame: [*ret_low, *ret_high). False: not known, or implausibly many. */
bool words_frame_bytes(const struct words_stack *stack, size_t frame, uint64_t *ret_low, uint64_t *ret_high);

/* Text of exactly `length` bytes: NULL unless all of it is there and printable (UTF-8; tabs and line ends too). */
const char *words_read_text(const struct cw_core *core, uint64_t address, uint64_t length);
/* The C string at an address, if it is printable, of at least one and less than `max` bytes. */
const char *words_read_string(const struct cw_core *core, uint64_t address, size_t max);
/* Whether the address lies in memory that the program cannot write, of a module: where constants are. */
bool words_is_constant(const struct cw_core *core, uint64_t address);

/* Where an allocation failed: what RLIMIT_AS leaves to the process, if it has one; evidence, facts, what to do. False: it has none that is known. */
bool words_add_space(const struct cw_core *core, struct cw_finding *finding);

/* Facts and one piece of evidence about where it happened: culprit, file, line, function. */
void words_add_place(struct cw_finding *finding, const struct words_place *place);
