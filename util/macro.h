/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The small vocabulary that every file of corewatch is written in: scope guards, ownership transfer, overflow-checked sums.
 * Header only; knows nothing of cores, journals or reports.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))
#define MIN(a, b) ({ __typeof__(a) min_a_ = (a); __typeof__(b) min_b_ = (b); min_a_ < min_b_ ? min_a_ : min_b_; })
#define MAX(a, b) ({ __typeof__(a) max_a_ = (a); __typeof__(b) max_b_ = (b); max_a_ > max_b_ ? max_a_ : max_b_; })
#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)
#define USEC_PER_SEC UINT64_C(1000000)

#define _printf_(f, a) __attribute__((format(printf, f, a)))
#define _unused_ __attribute__((unused))
#define _cleanup_(function) __attribute__((cleanup(function)))

/* Defines `type_freep`-style guards: DEFINE_CLEANUP(struct job *, job_free) makes job_freep(). */
#define DEFINE_CLEANUP(type, function)                          \
	static inline void function##p(type *p) {               \
		if (*p)                                         \
			function(*p);                           \
	}                                                       \
	_Static_assert(1, "")

/* Hands an object or a descriptor on and disarms the guard that watched it. */
#define take_ptr(p) ({ __typeof__(p) p_ = (p); (p) = NULL; p_; })
static inline int take_fd_from(int *fd) {
	int r = *fd;
	*fd = -EBADF;
	return r;
}
#define take_fd(fd) take_fd_from(&(fd))

static inline void freep(void *p) {
	free(*(void **)p);
}
static inline void closep(int *fd) {
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
	}
}
static inline void fclosep(FILE **f) {
	if (*f)
		fclose(*f);
}
#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)

/* a + b and a * b into *ret; false on overflow. Sizes from a core are never added without these. */
static inline bool add_u64(uint64_t a, uint64_t b, uint64_t *ret) {
	return !__builtin_add_overflow(a, b, ret);
}
static inline bool mul_u64(uint64_t a, uint64_t b, uint64_t *ret) {
	return !__builtin_mul_overflow(a, b, ret);
}

static inline bool streq(const char *a, const char *b) {
	return strcmp(a, b) == 0;
}
static inline bool str_has_prefix(const char *s, const char *prefix) {
	return strncmp(s, prefix, strlen(prefix)) == 0;
}
static inline bool str_has_suffix(const char *s, const char *suffix) {
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && streq(s + n - m, suffix);
}
