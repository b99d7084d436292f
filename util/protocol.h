/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between corewatch-worker and whoever runs it (daemon, CLI): descriptors, options, exit codes, records. Constants only.
 *
 * The worker is started with
 *   fd 3  the core, open for reading (plain or packed; may be a pipe)
 *   fd 4  where records go (a memfd, or a file), open for writing
 *   fd 5  optional: the symbol cache folder of the crash's owner
 *   fd 6  optional: the folder of files that were fetched by build-id (util/fetched.h); the worker only reads there
 * and options (all "--name=value"):
 *   --uid= --gid=          drop to these first (needs privileges); absent: stay who we are
 *   --exe=FILE             the program's file instead of the mapped path
 *   --address-space-limit=BYTES    its soft RLIMIT_AS, where it has one
 *   --stack-limit=BYTES    the process's soft RLIMIT_STACK, or "unlimited"; --thread-name=NAME of the crashed thread, where known
 *   --cache-max=BYTES       of all files in the cache folder together (default 512 MiB; 0: no cache)
 *   --memory-max=BYTES --cpu-max=SECONDS    its own limits
 *   --enable=GLOB --disable=GLOB            analyzers, repeatable; --analyzer-option=NAME.Key=value, repeatable
 *   --analyzers-dir=DIR    where plug-ins are
 *   --debug-dirs=DIR:DIR    where separate debug info is looked for, instead of /usr/lib/debug
 *   --list-analyzers       print name, priority, origin and summary of every analyzer as records and exit
 *
 * Records are JSON Lines: one object a line, UTF-8, no control characters, each with a member "record" that says its kind; all else in
 * it are members of the report's schema (conf/corewatch-report-1.schema.json), to be merged at the place named here:
 *   {"record":"start","protocol":1,"version":"…"}             the first
 *   {"record":"crash", …}        report.crash (signal, fault, thread, registers)
 *   {"record":"process", …}      report.process as far as the core knows it (pid, command, executable{path,name,build_id,state,language,optimized}, user{id})
 *   {"record":"core", …}         report.core: uncompressed_bytes, state "truncated" if it is
 *   {"record":"host","arch":…}   report.host.arch
 *   {"record":"stack", …}        report.stack without frames
 *   {"record":"frame", …}        one item of report.stack.frames, in order; capped by RECORD_MAX_FRAMES, then frames_omitted says how many are missing
 *   {"record":"thread", …}       one item of report.threads, frames included
 *   {"record":"module", …} {"record":"memory", …}             one item each of report.modules, report.memory
 *   {"record":"finding","priority":N,"supports":true|absent, …}  one item of report.findings. "supports": never the verdict
 *   {"record":"fingerprint", …}  report.fingerprint without seen, first_seen
 *   {"record":"missing","kind":"debuginfo"|"executable","build_id":…}    a file that would have told more, by build-id; the most wanted first
 *   {"record":"warning","stage":…,"message":…}                one item of report.warnings
 *   {"record":"failure","stage":…,"message":…}                nothing could be analysed (with exit 2)
 *   {"record":"end","complete":true|false,"analysis_seconds":x,"cpu_seconds":y,"peak_memory_bytes":n}   the last; absent: the worker died
 * A reader takes whole lines only, ignores kinds and members that it does not know, and trusts nothing: see the limits below.
 */
#pragma once

#include "util/macro.h"

#define PROTOCOL_VERSION 1

enum { WORKER_FD_CORE = 3, WORKER_FD_RECORDS = 4, WORKER_FD_CACHE = 5, WORKER_FD_FETCHED = 6 };

enum worker_exit {
	WORKER_COMPLETE = 0,
	WORKER_PARTIAL = 1,  /* a report, with parts missing: see its warnings */
	WORKER_NOTHING = 2,  /* not a core, unreadable, empty, unsupported machine */
	WORKER_USAGE = 64,
	WORKER_INTERNAL = 70,
};

/* All records of one worker. A report is some 100 KiB; 200 threads with full stacks stay below 8 MiB. */
#define RECORDS_MAX MIB(32)
/* One record. The longest are threads; 64 KiB of frames each is normal. */
#define RECORD_MAX MIB(4)
/* Nesting of one record: the schema's own depth is 9. */
#define RECORD_DEPTH_MAX 16
/* Items of each array in a report. Folded stacks are short; an attacker's need not be. */
#define RECORD_MAX_FRAMES 4096
#define RECORD_MAX_THREADS 4096
#define RECORD_MAX_THREAD_FRAMES 256
#define RECORD_MAX_MODULES 2048
#define RECORD_MAX_MEMORY 256
#define RECORD_MAX_FINDINGS 64
#define RECORD_MAX_WARNINGS 64
/* Frames of one crash lie in a dozen modules; a browser's in fifty. */
#define RECORD_MAX_MISSING 64
