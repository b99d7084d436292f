/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatchctl analyze: one report per core file, with no daemon, no journal and no root. Standard output has reports
 * only; what could not be analysed is told on standard error, one line each, and does not stop the others. As JSON a
 * core that could be opened always gives a report, even if nothing could be learnt from it, so that lines and cores can
 * be counted against each other.
 *
 * Exit status over all cores: 0 each was analysed completely; 2 not one could be analysed; 1 anything between (partial
 * reports, or some that could not be analysed); 64 usage.
 */
#include "cli/corefile.h"
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

struct analysis {
	const struct options *options;
	struct terminal terminal;
	char *arguments[ARGUMENTS_MAX]; /* of the worker; [0] is its own */
	size_t n_arguments;
	size_t n_complete, n_partial, n_nothing, n_printed;
};

static void analysis_done(struct analysis *a) {
	for (size_t i = 1; i < a->n_arguments; i++)
		free(a->arguments[i]);
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

static int print(struct analysis *a, json_object *report) {
	const char *json;

	if (a->options->json == JSON_OFF) {
		if (a->n_printed++ > 0)
			paint_line(&a->terminal.paint);
		report_render_text(report, &a->terminal.paint.style, stdout);
	} else {
		json = report_to_json(report, a->options->json == JSON_PRETTY, NULL);
		if (!json)
			return -ENOMEM;
		printf("%s\n", json);
	}
	/* Whoever reads line by line should not wait for the next core. */
	fflush(stdout);
	return 0;
}

static int run(struct analysis *a, const char *name, struct corefile *core, json_object **ret_report) {
	_cleanup_(worker_result_done) struct worker_result result = {};
	struct report_input input = core->input;
	int r;

	r = worker_run(a->arguments, core->fd, a->options->has_timeout ? a->options->timeout : TIMEOUT_DEFAULT,
	               &result);
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
		if (a->options->json == JSON_OFF)
			return 0;
	}
	return print(a, report);
}

int verb_analyze(const struct options *o, char **cores, size_t n) {
	_cleanup_(analysis_done) struct analysis a = { .options = o };
	size_t from_stdin = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		from_stdin += streq(cores[i], "-");
	if (n == 0 || from_stdin > 1) {
		log_error("%s. Try corewatchctl --help.",
		          n == 0 ? "corewatchctl analyze needs core files, or - for standard input"
		                 : "- can be given once only");
		return EXIT_USAGE;
	}
	r = prepare(&a);
	if (r < 0)
		return r == -EINVAL ? EXIT_USAGE : WORKER_NOTHING;
	terminal_open(&a.terminal, !o->no_pager && o->json == JSON_OFF);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = analyze(&a, cores[i]);
	if (terminal_close(&a.terminal) < 0)
		r = -EIO;
	if (a.n_complete + a.n_partial == 0)
		return WORKER_NOTHING;
	return r >= 0 && a.n_complete == n ? WORKER_COMPLETE : WORKER_PARTIAL;
}
