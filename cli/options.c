/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See options.h. Two tables, verbs and options; help, errors and getopt_long(3) all read them. Names follow
 * coredumpctl(1) and journalctl(1). */

#include "cli/options.h"

#include <getopt.h>

#include "cli/format.h"
#include "cli/timespec.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

#define ARGUMENTS_ANY 4096u
/* They are held in memory; a report has some ten kilobytes, and a few have more than a megabyte. */
#define BATCH_MAX 1000

const struct verb verbs[] = {
	{ "list", "[MATCH…]", "list crash reports, oldest first (the default)", VERB_LIST, ARGUMENTS_ANY, verb_list },
	{ "info", "[MATCH…]", "show whole reports; without MATCH the last one", VERB_INFO, ARGUMENTS_ANY, verb_info },
	{ "stack", "[MATCH…]", "show the whole folded stack, with sizes", VERB_STACK, ARGUMENTS_ANY, verb_stack },
	{ "top", "[MATCH…]", "list causes, the most frequent first", VERB_TOP, ARGUMENTS_ANY, verb_top },
	{ "stats", "[MATCH…]", "count reports by verdict, program, signal, day and host", VERB_STATS, ARGUMENTS_ANY, verb_stats },
	{ "export", "[MATCH…]", "write reports as HTML, JSON, speedscope, folded or SARIF; without MATCH the last one",
	  VERB_EXPORT, ARGUMENTS_ANY, verb_export },
	{ "metrics", "", "count crashes for Prometheus", VERB_METRICS, 0, verb_metrics },
	{ "watch", "[MATCH…]", "show reports as they come", VERB_WATCH, ARGUMENTS_ANY, verb_watch },
	{ "hook", "COMMAND…", "run a command for each new report, which is its standard input", VERB_HOOK, ARGUMENTS_ANY,
	  verb_hook },
	{ "notify", "[MATCH…]", "show a desktop notification for each new crash of one's own", VERB_NOTIFY, ARGUMENTS_ANY,
	  verb_notify },
	{ "gdb", "[MATCH]", "open the core in gdb or lldb, where it crashed", VERB_GDB, ARGUMENTS_ANY, verb_gdb },
	{ "analyze", "CORE…", "analyse core files here and now, without journal and daemon; - is standard input",
	  VERB_ANALYZE, ARGUMENTS_ANY, verb_analyze },
	{ "analyzers", "", "list the analyzers and where they come from", VERB_ANALYZERS, 0, verb_analyzers },
	{ "mute", "[EXE|FINGERPRINT…]", "count crashes of these, but do not analyse them; without argument: list",
	  VERB_MUTE, ARGUMENTS_ANY, verb_mute },
	{ "unmute", "EXE|FINGERPRINT…", "analyse them again", VERB_UNMUTE, ARGUMENTS_ANY, verb_unmute },
	{ "help", "", "show this", VERB_HELP, 0, verb_help },
};
const size_t n_verbs = ELEMENTSOF(verbs);

/* ── values ── */

static int set_json(struct options *o, const char *value) {
	static const char *const modes[] = { [JSON_OFF] = "off", [JSON_SHORT] = "short", [JSON_PRETTY] = "pretty" };

	for (size_t i = 0; i < ELEMENTSOF(modes); i++)
		if (streq(value, modes[i])) {
			o->json = (enum json_mode)i;
			return 0;
		}
	return -EINVAL;
}

static int set_lines(struct options *o, const char *value) {
	o->has_lines = true;
	return parse_u64(value, &o->lines) < 0 || o->lines == 0 ? -EINVAL : 0;
}

static int set_since(struct options *o, const char *value) {
	o->has_since = true;
	return timespec_parse(value, clock_usec(CLOCK_REALTIME), &o->since);
}

static int set_until(struct options *o, const char *value) {
	o->has_until = true;
	return timespec_parse(value, clock_usec(CLOCK_REALTIME), &o->until);
}

static int set_file(struct options *o, const char *value) {
	if (o->n_files >= FILES_MAX - 1)
		return -E2BIG;
	o->files[o->n_files++] = value;
	return 0;
}

static int set_timeout(struct options *o, const char *value) {
	o->has_timeout = true;
	if (streq(value, "infinity")) {
		o->timeout = UINT64_MAX;
		return 0;
	}
	return parse_time_span(value, &o->timeout) < 0 || o->timeout == 0 ? -EINVAL : 0;
}

static int set_duration(struct options *o, const char *value) {
	o->has_duration = true;
	return parse_time_span(value, &o->duration) < 0 || o->duration == 0 ? -EINVAL : 0;
}

static int set_batch(struct options *o, const char *value) {
	return parse_u64(value, &o->batch) < 0 || o->batch == 0 || o->batch > BATCH_MAX ? -EINVAL : 0;
}

static int set_format(struct options *o, const char *value) {
	o->format = format_find(value);
	return o->format ? 0 : -EINVAL;
}

static int set_stack_limit(struct options *o, const char *value) {
	uint64_t bytes;

	o->stack_limit = value;
	return streq(value, "unlimited") ? 0 : parse_size(value, &bytes);
}

/* ── the table ── */

#define FLAG(member) .flag = offsetof(struct options, member)
#define STRING(member) .string = offsetof(struct options, member)

static const struct item {
	const char *name;
	char letter; /* or 0 */
	unsigned verbs;
	const char *value; /* what it is called in the help; NULL: takes none */
	int (*set)(struct options *options, const char *value);
	size_t flag, string; /* where to store true, or the value, if there is no `set` */
	const char *help;    /* also says what a good value is */
} items[] = {
	{ "json", 0, VERB_ANY, "MODE", set_json, .help = "reports as JSON: pretty, short (one line each), off" },
	{ "no-pager", 0, VERB_ANY, NULL, NULL, FLAG(no_pager), .help = "do not start a pager" },
	{ "no-legend", 0, VERB_LIST | VERB_TOP | VERB_ANALYZERS | VERB_MUTE, NULL, NULL, FLAG(no_legend), .help = "no heading" },
	{ "lines", 'n', VERBS_JOURNAL, "N", set_lines, .help = "at most the last N reports" },
	{ "one", '1', VERBS_JOURNAL & ~VERB_TOP, NULL, NULL, FLAG(one), .help = "only the last report" },
	{ "reverse", 'r', VERBS_JOURNAL & ~VERB_STATS & ~VERB_GDB & ~VERB_WATCH, NULL, NULL, FLAG(reverse), .help = "newest first" },
	{ "since", 'S', VERBS_JOURNAL | VERB_HOOK, "TIME", set_since,
	  .help = "from then on: 2026-11-22 11:58, today, -2h, \"10 minutes ago\", @UNIX" },
	{ "until", 'U', VERBS_JOURNAL, "TIME", set_until, .help = "until then" },
	{ "unit", 'u', VERBS_JOURNAL | VERBS_SERVICE, "UNIT", NULL, STRING(unit), .help = "crashes of this unit" },
	{ "field", 'F', VERB_LIST | VERB_INFO, "FIELD", NULL, STRING(field),
	  .help = "only this journal field of each report" },
	{ "file", 0, VERBS_JOURNAL | VERBS_SERVICE | VERB_METRICS, "FILE", set_file,
	  .help = "read this journal file; may be given more than once" },
	{ "directory", 'D', VERBS_JOURNAL | VERBS_SERVICE | VERB_METRICS, "DIR", NULL, STRING(directory),
	  .help = "read the journal files in this folder" },
	{ "host", 0, VERBS_JOURNAL | VERBS_SERVICE, "NAME", NULL, STRING(host), .help = "crashes of this host" },
	{ "untrusted", 0, VERBS_JOURNAL | VERB_METRICS, NULL, NULL, FLAG(untrusted),
	  .help = "also reports that corewatch.service did not send" },
	{ "merge", 'm', VERBS_JOURNAL | VERB_HOOK, NULL, NULL, FLAG(merge), .help = "also journals that came from other hosts" },
	{ "root", 0, VERBS_JOURNAL | VERB_METRICS, "DIR", NULL, STRING(root), .help = "read the journals of the system below this folder" },
	{ "input", 0, VERBS_WHOLE, "FILE", NULL, STRING(input),
	  .help = "take reports from this file of JSON instead of the journal; - is standard input" },
	{ "format", 0, VERB_EXPORT | VERB_ANALYZE, "FORMAT", set_format, .help = FORMATS_HELP },
	{ "output", 'o', VERB_EXPORT | VERB_ANALYZE | VERB_METRICS, "FILE", NULL, STRING(output), .help = "write there" },
	{ "state", 0, VERB_METRICS | VERB_HOOK, "PATH", NULL, STRING(state),
	  .help = "go on from there: metrics' counters in a folder, hook's place in the journal in a file" },
	{ "threads", 't', VERB_STACK, NULL, NULL, FLAG(threads), .help = "the stacks of the other threads too" },
	{ "debugger", 0, VERB_GDB, "PROGRAM", NULL, STRING(debugger), .help = "gdb, lldb or a path of one" },
	{ "debugger-arguments", 'A', VERB_GDB, "ARGUMENTS", NULL, STRING(debugger_arguments),
	  .help = "further arguments for it" },
	{ "quiet", 'q', VERBS_JOURNAL | VERB_ANALYZE, NULL, NULL, FLAG(quiet), .help = "no hints" },
	{ "exe", 0, VERB_ANALYZE, "FILE", NULL, STRING(exe),
	  .help = "the crashed program's file, where it is not at its old path" },
	{ "stack-limit", 0, VERB_ANALYZE, "BYTES", set_stack_limit,
	  .help = "`ulimit -s` of the process: 8M, unlimited" },
	{ "fail-on-crash", 0, VERB_ANALYZE, NULL, NULL, FLAG(fail_on_crash),
	  .help = "exit with 3 if there was a core; for test runs" },
	{ "timeout", 0, VERB_ANALYZE | VERB_HOOK, "TIME", set_timeout,
	  .help = "longest time for one core, or one run of the command: 30s, 5min, infinity (default 10min)" },
	{ "analyzers-dir", 0, VERB_ANALYZE | VERB_ANALYZERS, "DIR", NULL, STRING(analyzers_dir),
	  .help = "load plug-ins from there" },
	{ "entries", 0, VERB_HOOK, NULL, NULL, FLAG(entries),
	  .help = "hand over journal entries in the export format, not JSON" },
	{ "batch", 0, VERB_HOOK, "N", set_batch, .help = "up to N (at most 1000) reports for one run of the command" },
	{ "for", 0, VERB_MUTE, "TIME", set_duration, .help = "mute for so long: 30min, 8h, 14d" },
	{ "help", 'h', VERB_ANY, NULL, NULL, .help = "show this" },
	{ "version", 0, VERB_ANY, NULL, NULL, .help = "show the version" },
};

enum { LONG_ONLY = 256 };

static void fill_getopt(struct option *longs, char *shorts) {
	size_t k = 0;

	shorts[k++] = ':';
	for (size_t i = 0; i < ELEMENTSOF(items); i++) {
		longs[i] = (struct option){ items[i].name, items[i].value ? required_argument : no_argument, NULL,
			                    LONG_ONLY + (int)i };
		if (items[i].letter) {
			shorts[k++] = items[i].letter;
			if (items[i].value)
				shorts[k++] = ':';
		}
	}
	longs[ELEMENTSOF(items)] = (struct option){};
	shorts[k] = 0;
}

static const struct item *item_of(int c) {
	if (c >= LONG_ONLY)
		return &items[c - LONG_ONLY];
	for (size_t i = 0; i < ELEMENTSOF(items); i++)
		if (c > 0 && items[i].letter == c)
			return &items[i];
	return NULL;
}

static int usage_error(int c, char **argv) {
	const struct item *item = item_of(optopt);

	if (c == ':' && item)
		log_error("--%s needs a value: %s. Try corewatchctl --help.", item->name, item->help);
	else if (optopt && optopt < LONG_ONLY)
		log_error("there is no option -%c. Try corewatchctl --help.", optopt);
	else if (item)
		log_error("--%s takes no value. Try corewatchctl --help.", item->name);
	else
		log_error("there is no option %s, or it is ambiguous. Try corewatchctl --help.", argv[optind - 1]);
	return EXIT_USAGE + 1;
}

static int store(struct options *o, const struct item *item, const char *value) {
	if (item->set && item->set(o, value) < 0) {
		log_error("bad value '%s' for --%s: %s.", value, item->name, item->help);
		return EXIT_USAGE + 1;
	}
	if (!item->set && item->value)
		*(const char **)((char *)o + item->string) = value;
	else if (!item->set)
		*(bool *)((char *)o + item->flag) = true;
	return 0;
}

static const struct verb *find_verb(const char *name) {
	for (size_t i = 0; i < n_verbs; i++)
		if (streq(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int check(const struct verb *verb, uint64_t given, size_t n) {
	for (size_t i = 0; i < ELEMENTSOF(items); i++)
		if ((given & UINT64_C(1) << i) && !(items[i].verbs & verb->bit)) {
			log_error("--%s has no meaning for corewatchctl %s. Try corewatchctl --help.", items[i].name,
			          verb->name);
			return EXIT_USAGE + 1;
		}
	if (n > verb->max_arguments) {
		log_error("corewatchctl %s takes no arguments.", verb->name);
		return EXIT_USAGE + 1;
	}
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret, const struct verb **ret_verb, char ***ret_arguments,
                  size_t *ret_n) {
	_Static_assert(ELEMENTSOF(items) < 64, "one bit each");
	struct option longs[ELEMENTSOF(items) + 1];
	char shorts[2 * ELEMENTSOF(items) + 2];
	const struct verb *verb = &verbs[0];
	struct options o = {};
	uint64_t given = 0;
	int c, r;

	fill_getopt(longs, shorts);
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
		const struct item *item = item_of(c);

		if (!item || c == ':' || c == '?')
			return usage_error(c, argv);
		if (streq(item->name, "help")) {
			options_help(stdout);
			return EXIT_SUCCESS + 1;
		}
		if (streq(item->name, "version")) {
			puts("corewatchctl " PACKAGE_VERSION);
			return EXIT_SUCCESS + 1;
		}
		r = store(&o, item, optarg);
		if (r > 0)
			return r;
		given |= UINT64_C(1) << (item - items);
	}
	if (optind < argc) {
		verb = find_verb(argv[optind]);
		if (!verb) {
			log_error("there is no command '%s'. Try corewatchctl --help.", argv[optind]);
			return EXIT_USAGE + 1;
		}
		optind++;
	}
	r = check(verb, given, (size_t)(argc - optind));
	if (r > 0)
		return r;
	*ret = o;
	*ret_verb = verb;
	*ret_arguments = argv + optind;
	*ret_n = (size_t)(argc - optind);
	return 0;
}

/* ── help ── */

void options_help(FILE *out) {
	fputs("corewatchctl [OPTIONS…] [COMMAND] [ARGUMENTS…]\n\nShows why programs crashed.\n\nCommands:\n", out);
	for (size_t i = 0; i < n_verbs; i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", verbs[i].name, verbs[i].arguments);
		fprintf(out, "  %-*s %s\n", 24 + (strstr(left, "…") ? 2 : 0), left, verbs[i].help);
	}
	fputs("\nOptions:\n", out);
	for (size_t i = 0; i < ELEMENTSOF(items); i++) {
		char left[64];

		snprintf(left, sizeof(left), "%c%c --%s%s%s", items[i].letter ? '-' : ' ',
		         items[i].letter ? items[i].letter : ' ', items[i].name, items[i].value ? "=" : "",
		         items[i].value ? items[i].value : "");
		if (strlen(left) > 24)
			fprintf(out, "  %s\n%26s %s\n", left, "", items[i].help);
		else
			fprintf(out, "  %-24s %s\n", left, items[i].help);
	}
	fputs("\nMATCH is a report's id or fingerprint (or its first digits), a process id, a program's name or path,\n"
	      "or FIELD=value.\n"
	      "Exit status: 0; 1 nothing found or not readable; 64 usage. Of analyze: 0 all complete, 1 some partial "
	      "or some\n"
	      "not analysable, 2 none analysable, 3 with --fail-on-crash if there was a core.\n\nSee corewatchctl(1).\n",
	      out);
}

int verb_help(const struct options *options _unused_, char **arguments _unused_, size_t n _unused_) {
	options_help(stdout);
	return EXIT_SUCCESS;
}
