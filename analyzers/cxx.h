/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the cxx-exception analyzer share. Private to cxx*.c. */
#pragma once

#include "words.h"

/* An exception object that was found and verified. Any text may be NULL. */
struct cxx_exception {
	uint64_t object; /* the thrown value */
	uint64_t type_info;
	const char *type;    /* "std::runtime_error" */
	const char *mangled; /* "St13runtime_error" */
	const char *what;
	const char *what_source; /* how `what` is known, for the evidence */
};

/*
 * Looks for the header that __cxa_throw() puts before the thrown object, through the words of frames [first, last].
 * False if none, or more than one that differ, is found.
 */
bool cxx_find_exception(
    const struct words_stack *stack, size_t first, size_t last, struct cxx_exception *ret_exception);

/* cxx-name.c: the C++ name of a type_info's mangled one; for names that it does not understand, the mangled one. */
const char *cxx_type_name(const struct cw_core *core, const char *mangled);
