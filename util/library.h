/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Libraries that few crashes need, loaded when the first one does. The worker starts for each crash, and each library that
 * ld.so maps and relocates costs a start what dlopen(3) costs those alone that use it.
 *
 * The functions are held in a struct of pointers, typed by the library's own header:
 *
 *	static struct { typeof(ZSTD_isError) *isError; } zstd;
 *	static const struct library_function functions[] = { { "ZSTD_isError", &zstd.isError } };
 *
 * The name that is loaded (…_SONAME, from configure) is that of the library that the build linked its checks with. A
 * library stays until the process ends.
 */
#pragma once

#include "util/macro.h"

struct library_function {
	const char *name;
	void *to; /* a pointer to a function */
};

struct library {
	const char *soname;
	const struct library_function *functions;
	size_t n_functions;
	int result; /* of the first call; 1: none yet */
};

#define LIBRARY(name, list) { .soname = (name), .functions = (list), .n_functions = ELEMENTSOF(list), .result = 1 }

/* 0, or -ENOPKG: it is not there, or lacks one of the functions. None of the pointers is to be used then. Later calls cost nothing. Not for threads. */
int library_load(struct library *library);
