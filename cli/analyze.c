/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatchctl analyze: one report per core file, with no daemon, no journal and no root. Standard output has reports
 * only; what could not be analysed is told on standard error, one line each, and does not stop the others. As JSON a
 * core that could be opened always gives a report, even if nothing could be learnt from it, so that lines and cores can
 * be counted against each other.
 *
 * A folder stands for the cores in it. Exit status over all cores: 0 each was analysed completely; 2 not one could be
 * analysed; 1 anything between (partial reports, or some that could not be analysed); 64 usage. With --fail-on-crash, 0
 * is "there was no core", and 3 takes the place of 0 and 1.
 */
#include "cli/corefile.h"
#include "cli/corefolder.h"
#include "cli/format.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/worker.h"
#include "report/json.h"
#include "report/report.h"
#include "util/log.h"
#include "util/parse.h"
#include "util/protocol.h"

#include <inttypes.h>
#include <sys/stat.h>

#define TIMEOUT_DEFAULT (600 * USEC_PER_SEC)
/* The program, three options of ours, the end. */
#define ARGUMENTS_MAX 8

enum { EXIT_CRASH = 3 };

struct analysis {
	const struct options *options;
	struct terminal terminal;
	char *arguments[ARGUMENTS_MAX]; /* of the worker; [0] is its own */
	size_t n_arguments;
	const struct format *format;
	json_object *reports; /* one document is made of all at the end; else NULL */
	FILE *out;
	size_t n_cores, n_complete, n_partial, n_nothing, n_printed;
};

static void analysis_done(struct analysis *a) {
	for (size_t i = 1; i < a->n_arguments; i++)
		free(a->arguments[i]);
	json_object_put(a->reports);
}

static int add_argument(struct analysis *a, const char *name, const char *value) {
	char *argument;

	if (asprintf(&argument, "--%s=%s", name, value) < 0)
		return -ENOMEM;
	a->arguments[a->n_arguments++] = argument;
	return 0;
}

/* The worker has no current folder that it could rely on, and its sandbox wants whole paths. */
static int add_exe(struct analysis *a, const char *exe) {
	_cleanup_free_ char *path = realpath(exe, NULL);
	struct stat st;

	if (!path || stat(path, &st) < 0 || access(path, R_OK) < 0) {
		log_error("cannot read the program %s given by --exe: %s", exe, strerror(errno));
		return -EINVAL;
	}
	if (!S_ISREG(st.st_mode)) {
		log_error("%s, given by --exe, is not a file", exe);
		return -EINVAL;
	}
	return add_argument(a, "exe", path);
}

static int prepare(struct analysis *a) {
	const struct options *o = a->options;
	char text[32];
	uint64_t bytes;
	int r;

	a->n_arguments = 1;
	r = o->exe ? add_exe(a, o->exe) : 0;
	if (r >= 0 && o->stack_limit) {
		if (parse_size(o->stack_limit, &bytes) >= 0)
			snprintf(text, sizeof(text), "%" PRIu64, bytes);
		else
			snprintf(text, sizeof(text), "unlimited");
		r = add_argument(a, "stack-limit", text);
	}
	return r >= 0 ? add_argument(a, "analyzers-dir", o->analyzers_dir ? o->analyzers_dir : worker_analyzers_dir())
	              : r;
}

/* Why nothing came of it: the last warning says it best. */
static void tell_nothing(const char *name, json_object *report) {
	json_object *warnings = json_get_array(report, "warnings");
	size_t n = warnings ? json_object_array_length(warnings) : 0;
	const char *message = n > 0 ? json_get_string(json_object_array_get_idx(warnings, n - 1), "message") : NULL;

	log_error("%s cannot be analysed: %s", streq(name, "-") ? "standard input" : name,
	          message ? message : "no reason is known");
}

static int write_reports(struct analysis *a, json_object *reports) {
	return a->format->write(reports, a->options, &a->terminal.paint.style, a->out);
}

static int print(struct analysis *a, json_object *report) {
	_cleanup_json_ json_object *reports = NULL;
	int r;

	if (a->reports)
		return json_append(a->reports, json_object_get(report));
	reports = json_object_new_array();
	if (!reports)
		return -ENOMEM;
	r = json_append(reports, json_object_get(report));
	if (r < 0)
		return r;
	if (a->n_printed++ > 0 && streq(a->format->name, "text"))
		fputc('\n', a->out);
	r = write_reports(a, reports);
	/* Whoever reads line by line should not wait for the next core. */
	fflush(a->out);
	return r;
}

static int run(struct analysis *a, const char *name, struct corefile *core, json_object **ret_report) {
	_cleanup_(worker_result_done) struct worker_result result = {};
	struct report_input input = core->input;
	struct progress progress;
	int r;

	progress_begin(&progress, name, core->fd, a->options->quiet);
	r = worker_run(a->arguments, core->fd, a->options->has_timeout ? a->options->timeout : TIMEOUT_DEFAULT,
	               &progress, &result);
	if (r == -EINTR)
		return r;
	if (r < 0) {
		log_error("cannot run %s for %s: %s%s", worker_path(), name, strerror(-r),
		          r == -ENOENT ? "; install corewatch, or let COREWATCH_WORKER name the worker" : "");
		return r;
	}
	input.worker = result.status;
	input.worker_code = result.code;
	input.worker_message = result.cut ? "it wrote more than can be read" : NULL;
	return report_build(&input, result.records, result.length, ret_report);
}

/* 0, or -errno where it makes no sense to go on with the next core. */
static int analyze(struct analysis *a, const char *name) {
	_cleanup_(corefile_done) struct corefile core = { .fd = -EBADF };
	_cleanup_json_ json_object *report = NULL;
	enum report_completeness outcome;
	int r;

	a->n_cores++;
	if (corefile_open(name, &core) < 0) {
		a->n_nothing++;
		return 0;
	}
	r = run(a, name, &core, &report);
	if (r < 0)
		return r;
	outcome = report_completeness(report);
	*(outcome == REPORT_COMPLETE ? &a->n_complete : outcome == REPORT_PARTIAL ? &a->n_partial : &a->n_nothing) += 1;
	if (outcome == REPORT_NOTHING) {
		tell_nothing(name, report);
		if (!streq(a->format->name, "json"))
			return 0;
	}
	return print(a, report);
}

/* A core, or all in a folder. */
static int analyze_all(struct analysis *a, const char *name) {
	char **paths = NULL;
	size_t n = 0;
	int r = corefolder_list(name, &paths, &n);

	if (r < 0)
		return analyze(a, name);
	if (n == 0 && !a->options->fail_on_crash) {
		log_error("the folder %s has no core files in it", name);
		a->n_cores++;
		a->n_nothing++;
	}
	for (size_t i = 0; i < n && r >= 0; i++)
		r = analyze(a, paths[i]);
	corefolder_free(paths, n);
	return r;
}

static int check_usage(const struct options *o, char **cores, size_t n) {
	size_t from_stdin = 0;

	for (size_t i = 0; i < n; i++)
		from_stdin += streq(cores[i], "-");
	if (n > 0 && from_stdin <= 1 && !(o->format && o->json != JSON_OFF && !streq(o->format->name, "json")))
		return 0;
	log_error("%s. Try corewatchctl --help.",
	          n == 0           ? "corewatchctl analyze needs core files or folders of them, or - for standard input"
	          : from_stdin > 1 ? "- can be given once only"
	                           : "--json and --format exclude each other");
	return -EINVAL;
}

static int begin(struct analysis *a) {
	const struct options *o = a->options;
	int r;

	a->format = format_of(o, "text");
	if (a->format->whole && !(a->reports = json_object_new_array()))
		return -ENOMEM;
	r = prepare(a);
	return r < 0 ? r : format_open(o, &a->out);
}

static int exit_status(const struct analysis *a, int r) {
	bool fail = a->options->fail_on_crash;

	if (fail && a->n_cores == 0)
		return r >= 0 ? WORKER_COMPLETE : WORKER_NOTHING;
	if (a->n_complete + a->n_partial == 0)
		return WORKER_NOTHING;
	if (fail)
		return EXIT_CRASH;
	return r >= 0 && a->n_complete == a->n_cores ? WORKER_COMPLETE : WORKER_PARTIAL;
}

int verb_analyze(const struct options *o, char **cores, size_t n) {
	_cleanup_(analysis_done) struct analysis a = { .options = o };
	int r;

	if (check_usage(o, cores, n) < 0)
		return EXIT_USAGE;
	r = begin(&a);
	if (r < 0)
		return r == -EINVAL ? EXIT_USAGE : WORKER_NOTHING;
	terminal_open(&a.terminal, !o->no_pager && !o->output && streq(a.format->name, "text"));
	for (size_t i = 0; i < n && r >= 0; i++)
		r = analyze_all(&a, cores[i]);
	if (a.reports && r >= 0)
		r = write_reports(&a, a.reports);
	if (format_close(o, a.out) < 0 || terminal_close(&a.terminal) < 0)
		r = -EIO;
	return exit_status(&a, r);
}
