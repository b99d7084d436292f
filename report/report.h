/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report document: built from a worker's records and what the journal says of the crash, shortened for the journal,
 * rendered for people. Schema: conf/corewatch-report-1.schema.json. json-c objects are owned by the caller
 * (json_object_put()). Nothing here logs or does I/O but on the FILE given.
 */
#pragma once

#include <json-c/json.h>
#include <stdio.h>

#include "util/macro.h"

/* How the worker ended. */
enum report_worker_status {
	REPORT_WORKER_EXITED,   /* with an exit code */
	REPORT_WORKER_SIGNALED, /* died */
	REPORT_WORKER_TIMEOUT,  /* was killed by us: too slow */
	REPORT_WORKER_NONE,     /* there was no core to look at */
};

/* What is known of a crash without its core. All strings may be NULL and may be hostile: they are cleaned here.
 * Borrowed. */
struct report_input {
	unsigned revision;     /* 0 and 1: the crash's first report; 2: an update that supersedes it */
	const char *report_id; /* 32 hex digits; NULL: derived from the core's path and the records (offline) */
	bool has_time;
	uint64_t time_usec; /* realtime of the crash; offline: the core's modification time */
	const char *host_name, *host_id, *boot_id, *os;
	int32_t pid; /* 0 unknown */
	bool has_uid;
	uint32_t uid;
	const char *user_name;
	const char *command, *executable, *command_line;
	const char *unit, *user_unit, *slice, *cgroup, *container_command;
	const char *package, *package_version;
	int signal;             /* 0 unknown */
	const char *core_state; /* schema's core.state: present, journal, truncated, missing, inaccessible, none */
	const char *core_path;
	bool has_core_bytes;
	uint64_t core_bytes;
	const char *journal_cursor;
	enum report_worker_status worker;
	int worker_code;            /* exit code or signal number */
	const char *worker_message; /* further clause for the warning, or NULL */
};

/*
 * Builds the whole report. records (may be empty or NULL) is hostile: whole lines only, limits of util/protocol.h,
 * every string cleaned, every member checked against the type the schema gives it (wrong ones are dropped). Always ends
 * in a document that is valid against the schema, with the verdict "unknown" where nothing was claimed. 0 or -ENOMEM.
 */
int report_build(const struct report_input *input, const char *records, size_t length, json_object **ret_report);

/* Whether the worker's analysis ended and missed nothing: the exit status of `analyze`. */
enum report_completeness { REPORT_COMPLETE, REPORT_PARTIAL, REPORT_NOTHING };
enum report_completeness report_completeness(json_object *report);

/* Adds how often and since when this fingerprint was seen (fingerprint.seen, first_seen). */
int report_set_seen(json_object *report, uint64_t seen, uint64_t first_seen_usec);

/* Compact JSON of at most max bytes: a copy is shortened in the order of report-format ("truncated": true,
 * "frames_omitted"). *ret_truncated says whether anything was dropped. Caller frees. 0, -ENOMEM. */
#define REPORT_FIELD_MAX \
	4078 /* "COREWATCH_REPORT=" + this stays below the 4096 bytes where `journalctl -o json` prints null */
int report_shorten(json_object *report, size_t max, char **ret_json, bool *ret_truncated);

/* The one line for MESSAGE: `rec[2860] SIGSEGV: stack overflow in thread main: f() recursed 2036 times (rec.c:7)`, at
 * most 200 characters. Caller frees. */
#define REPORT_MESSAGE_MAX 200
int report_message(json_object *report, char **ret_message);

/* The journal entry's fields as "NAME=value" strings; clean, each name once, unknown ones left out. In there: MESSAGE,
 * MESSAGE_ID (…_UPDATED where there is a revision, …_FAILED where report_completeness() is REPORT_NOTHING, else …_REPORT), PRIORITY, SYSLOG_IDENTIFIER, all
 * COREWATCH_… of the format (COREWATCH_COREDUMP_CURSOR from core.journal_cursor, COREWATCH_SEEN after
 * report_set_seen(), COREWATCH_REPORT_FULL where COREWATCH_REPORT was shortened). Left to the daemon, which knows
 * whether it may: OBJECT_SYSTEMD_UNIT, OBJECT_SYSTEMD_USER_UNIT. */
struct report_fields {
	char **fields; /* NULL-terminated */
	size_t n;
};
int report_fields(json_object *report, struct report_fields *ret_fields);
void report_fields_done(struct report_fields *fields);

#define COREWATCH_MESSAGE_ID_REPORT "31135006fed94c4ba9bf5c818d78e6d3"
#define COREWATCH_MESSAGE_ID_FAILED "557e92bb241e41efb8d4d1d944561a78"
#define COREWATCH_MESSAGE_ID_UPDATED "b27bf57be53e4fabaa0282696211320b"
#define COREWATCH_MESSAGE_ID_SUPPRESSED "d5bfec4f14194911a86f4ba64bd658eb"
/* Not of the daemon's: what `corewatchctl mute` writes, see mute.h. */
#define COREWATCH_MESSAGE_ID_MUTE "eaa7119f34314afc99390622277a4f2c"

/* For people. */
struct report_style {
	bool color;
	bool utf8;
	unsigned width; /* columns; 0: 100 */
	bool whole;     /* all frames and functions, not what fits a screen */
};
/* 0, -EIO (the stream), or -ENOMEM: parts are missing. */
int report_render_text(json_object *report, const struct report_style *style, FILE *out);
/* The verdict, and the crashed thread's whole stack; with `threads` those of all others. */
int report_render_stacks(json_object *report, bool threads, const struct report_style *style, FILE *out);

/* Whether a document is a report we can show: schema string, types of the members we read. For reports read back from a
 * journal. */
bool report_is_valid(json_object *report);

/* Reads back a report from a journal field: depth- and size-limited, report_is_valid(). 0, -EBADMSG (no report that we
 * can show), -EFBIG or -ENOMEM. */
int report_parse(const char *json, size_t length, json_object **ret_report);
/* The few members that a line about a report needs, several times as fast: id, time, process, signal, verdict without
 * its reasons, fingerprint. The others are passed over, and so not checked. */
int report_parse_line(const char *json, size_t length, json_object **ret_report);

/* Compact (one line) or indented JSON; slashes stay as they are. Belongs to the object and lives until it changes. NULL
 * without memory. */
const char *report_to_json(json_object *report, bool pretty, size_t *ret_length);

/* The records "missing" (util/protocol.h): an array of {kind, build_id}, hostile input as above. */
int report_read_missing(const char *records, size_t length, json_object **ret_missing);

/* The answer of `worker --list-analyzers`: an array of {name, priority, origin, enabled, summary}, in the worker's
 * order. Hostile input as above. */
int report_read_analyzers(const char *records, size_t length, json_object **ret_analyzers);
