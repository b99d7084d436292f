/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults on demand: the n-th allocation, read, write or opening of the process fails, or transfers are short and
 * interrupted. inject.c takes the place of malloc() and the system's calls for everything in the test program, json-c
 * and libc included.
 *
 *	inject_each(INJECT_MEMORY, 0, scenario, data);
 *
 * runs scenario() once undisturbed, to count, and once for each call that can fail. The scenario asserts that what it
 * got is right or a clean error, and gives everything back: what it leaves in memory or open fails the test.
 */
#pragma once

#include "util/macro.h"

enum inject {
	INJECT_NOTHING,
	INJECT_MEMORY, /* malloc() and its kin give NULL */
	INJECT_READ,   /* read(), pread() fail */
	INJECT_WRITE,  /* write(), fsync(), rename(), ftruncate() fail */
	INJECT_OPEN,   /* open(), openat(), memfd_create() fail */
	INJECT_SHORT,  /* no failure: every read and write transfers one byte to a third of what is asked, every second
			  call is interrupted (EINTR) */
};

/* Returns what it found: 0 or -errno. fault: whether something was to fail in this run; without, it must be 0. */
typedef int (*inject_scenario)(bool fault, void *data);

/*
 * error: what the calls fail with (memory: ENOMEM in any case). Fails the test, with the number of the call, where the
 * scenario leaks or says 0 undisturbed no more. The number of runs.
 */
unsigned inject_each(enum inject what, int error, inject_scenario scenario, void *data);

/*
 * Within a scenario, around what is not under test (checks, preparations): calls are neither counted nor failed. Memory
 * is counted all the same.
 */
void inject_pause(void);
void inject_resume(void);
/* Whether the call that was to fail in this run has come. */
bool inject_happened(void);
