/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was typed: options of all verbs in one struct, parsed by one table. Strings are argv's. */
#pragma once

#include "util/macro.h"

/* One rule for all verbs: what was typed makes no sense. (1 is "nothing found", as coredumpctl has it; analyze has its
 * own 1 and 2.) */
#define EXIT_USAGE 64

enum json_mode { JSON_OFF, JSON_SHORT, JSON_PRETTY };

enum { FILES_MAX = 64 };

struct format;

struct options {
	enum json_mode json;
	bool no_pager, no_legend, quiet, reverse, one, merge, threads, fail_on_crash, untrusted, entries;
	bool has_lines, has_since, has_until, has_timeout, has_duration;
	uint64_t lines;        /* -n; at least 1 */
	uint64_t since, until; /* realtime, microseconds */
	uint64_t timeout;      /* microseconds; UINT64_MAX: none */
	uint64_t duration;     /* microseconds */
	uint64_t batch;        /* 0: not given */
	const char *files[FILES_MAX];
	size_t n_files;
	const char *directory, *root, *unit, *field, *host, *state;
	const char *exe, *stack_limit, *analyzers_dir;
	const char *input, *output, *debugger, *debugger_arguments;
	const char *after_cursor;    /* not typed: following begins behind that entry */
	bool own;                    /* not typed: only the caller's own journal */
	const struct format *format; /* cli/format.h; NULL: none was asked for */
};

struct verb {
	const char *name, *arguments, *help; /* arguments: for the usage line; help: one line */
	unsigned bit;                        /* VERB_…, for the table of options */
	unsigned max_arguments;
	int (*run)(const struct options *options, char **arguments, size_t n); /* returns the exit status */
};

enum verb_bit {
	VERB_LIST = 1 << 0,
	VERB_INFO = 1 << 1,
	VERB_ANALYZE = 1 << 2,
	VERB_ANALYZERS = 1 << 3,
	VERB_HELP = 1 << 4,
	VERB_STACK = 1 << 5,
	VERB_TOP = 1 << 6,
	VERB_STATS = 1 << 7,
	VERB_EXPORT = 1 << 8,
	VERB_GDB = 1 << 9,
	VERB_WATCH = 1 << 10,
	VERB_HOOK = 1 << 11,
	VERB_NOTIFY = 1 << 12,
	VERB_MUTE = 1 << 13,
	VERB_UNMUTE = 1 << 14,
	VERB_METRICS = 1 << 15,
	VERB_ANY = (1 << 16) - 1,
	/* Those that show whole reports, and all that read the journal. */
	VERBS_WHOLE = VERB_INFO | VERB_STACK | VERB_EXPORT,
	VERBS_JOURNAL = VERB_LIST | VERBS_WHOLE | VERB_TOP | VERB_STATS | VERB_GDB | VERB_WATCH,
	/* And those that run on and on for other programs. */
	VERBS_SERVICE = VERB_HOOK | VERB_NOTIFY,
};

extern const struct verb verbs[];
extern const size_t n_verbs;

/* Parses options anywhere among the arguments; *ret_verb and the rest (in argv's memory) are what is to be run. 0: run
 * it; > 0: the exit status plus one, all is said. */
int options_parse(int argc, char **argv, struct options *ret, const struct verb **ret_verb, char ***ret_arguments,
                  size_t *ret_n);
void options_help(FILE *out);

int verb_list(const struct options *options, char **arguments, size_t n);
int verb_info(const struct options *options, char **arguments, size_t n);
int verb_analyze(const struct options *options, char **arguments, size_t n);
int verb_analyzers(const struct options *options, char **arguments, size_t n);
int verb_stack(const struct options *options, char **arguments, size_t n);
int verb_top(const struct options *options, char **arguments, size_t n);
int verb_stats(const struct options *options, char **arguments, size_t n);
int verb_export(const struct options *options, char **arguments, size_t n);
int verb_gdb(const struct options *options, char **arguments, size_t n);
int verb_watch(const struct options *options, char **arguments, size_t n);
int verb_hook(const struct options *options, char **arguments, size_t n);
int verb_notify(const struct options *options, char **arguments, size_t n);
int verb_mute(const struct options *options, char **arguments, size_t n);
int verb_unmute(const struct options *options, char **arguments, size_t n);
int verb_metrics(const struct options *options, char **arguments, size_t n);
int verb_help(const struct options *options, char **arguments, size_t n);
