/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatchctl metrics: figures about crashes for Prometheus, by way of node-exporter's textfile folder. With --state
 * the counters are kept, together with the journal's position up to which they have counted, so that they outlive
 * restarts and what journald deletes; each run adds what is new. The state is written first and the output made of it:
 * whatever happens in between, nothing is counted twice, and the next run puts the output right.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "cli/journal-private.h"
#include "cli/journal.h"
#include "cli/metrics.h"
#include "cli/trust.h"
#include "report/json.h"
#include "report/report.h"
#include "util/io.h"
#include "util/log.h"
#include "util/parse.h"

#define STATE_NAME "metrics.json"
/* Journal files that come or go while they are read: at the second time this has settled. */
#define TRIES 5
/* Seconds of an analysis that are believed; the daemon stops it much earlier. */
#define ANALYSIS_SECONDS_MAX 1e6

/* ── entries ── */

static const struct {
	const char *field, *reason;
} suppressions[] = {
	{ "COREWATCH_SUPPRESSED_ALIKE", "alike" }, { "COREWATCH_SUPPRESSED_PROGRAM", "program" },
	{ "COREWATCH_SUPPRESSED_TOTAL", "total" }, { "COREWATCH_SUPPRESSED_MUTED", "muted" },
	{ "COREWATCH_SUPPRESSED_SKIPPED", "skipped" }, { "COREWATCH_SUPPRESSED_LOST", "lost" },
};

static int count_suppressed(sd_journal *j, struct metrics *metrics) {
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(suppressions) && r >= 0; i++) {
		_cleanup_free_ char *text = NULL;
		uint64_t n;

		r = entry_field(j, suppressions[i].field, &text);
		if (r >= 0 && parse_u64(text, &n) >= 0)
			r = metrics_count_suppressed(metrics, suppressions[i].reason, n);
		if (r != -ENOMEM)
			r = 0;
	}
	return r;
}

static void observe(json_object *report, struct metrics *metrics) {
	json_object *seconds = json_get(report, "generator.analysis_seconds");
	int64_t used, limit;
	double value;

	if (json_object_is_type(seconds, json_type_double) || json_object_is_type(seconds, json_type_int)) {
		value = json_object_get_double(seconds);
		if (value >= 0 && value <= ANALYSIS_SECONDS_MAX)
			metrics_observe(metrics, HISTOGRAM_ANALYSIS, (uint64_t)(value * 1e6));
	}
	if (json_get_integer(report, "stack.bounds.used_bytes", &used) && used >= 0 &&
	    json_get_integer(report, "stack.bounds.limit_bytes", &limit) && limit > 0)
		metrics_observe(metrics, HISTOGRAM_STACK, (uint64_t)MIN((double)used / (double)limit * 1e6, 1e9));
}

/* What only the report itself says. One that cannot be read is a crash all the same. */
static int count_report(sd_journal *j, const struct options *o, struct metrics *metrics) {
	_cleanup_json_ json_object *report = NULL;
	int r = entry_report(j, o, true, &report);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	observe(report, metrics);
	return metrics_count_outcome(metrics, json_get_string(report, "generator.outcome"),
	                             json_get_string(report, "core.state"));
}

static int count_crash(sd_journal *j, const struct options *o, struct metrics *metrics) {
	static const char *const names[] = { "COREWATCH_VERDICT", "COREWATCH_SIGNAL_NAME", "COREWATCH_EXE",
		                             "OBJECT_SYSTEMD_UNIT", "OBJECT_SYSTEMD_USER_UNIT" };
	char *values[ELEMENTSOF(names)] = {};
	struct metrics_crash crash = {};
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(names) && r != -ENOMEM; i++)
		r = entry_field(j, names[i], &values[i]);
	if (r != -ENOMEM)
		r = sd_journal_get_realtime_usec(j, &crash.time_usec);
	if (r >= 0) {
		crash.verdict = values[0];
		crash.signal = values[1];
		crash.executable = values[2];
		crash.unit = values[3] ?: values[4];
		r = metrics_count_crash(metrics, &crash);
	}
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		free(values[i]);
	return r >= 0 ? count_report(j, o, metrics) : r;
}

static int count_entry(sd_journal *j, const struct options *o, struct metrics *metrics) {
	_cleanup_free_ char *id = NULL, *cursor = NULL;
	int r = sd_journal_get_cursor(j, &cursor);

	if (r >= 0)
		r = metrics_set_cursor(metrics, cursor);
	if (r < 0)
		return r;
	if (!o->untrusted && !entry_is_trusted(j, o))
		return 0;
	r = entry_field(j, "MESSAGE_ID", &id);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return streq(id, COREWATCH_MESSAGE_ID_SUPPRESSED) ? count_suppressed(j, metrics) : count_crash(j, o, metrics);
}

/* ── the journal ── */

static int open_journal(const struct options *o, sd_journal **ret) {
	/* Not the updates: those crashes have been counted. */
	static const char *const matches[] = { "MESSAGE_ID=" COREWATCH_MESSAGE_ID_REPORT,
		                               "MESSAGE_ID=" COREWATCH_MESSAGE_ID_FAILED,
		                               "MESSAGE_ID=" COREWATCH_MESSAGE_ID_SUPPRESSED,
		                               "SYSLOG_IDENTIFIER=corewatch" };
	_cleanup_(journal_closep) sd_journal *j = NULL;
	int r = journal_open_files(o, &j);

	if (r < 0)
		return r;
	r = sd_journal_set_data_threshold(j, 0);
	for (size_t i = 0; i < ELEMENTSOF(matches) && r >= 0; i++)
		r = sd_journal_add_match(j, matches[i], 0);
	if (r < 0)
		return r;
	*ret = take_ptr(j);
	return 0;
}

/* To the first entry that is not counted yet. 1: there; 0: there is none. Where journald has deleted the saved one,
 * the next that is left comes. */
static int seek(sd_journal *j, const char *cursor) {
	int r = cursor ? sd_journal_seek_cursor(j, cursor) : sd_journal_seek_head(j);

	if (r >= 0)
		r = sd_journal_next(j);
	if (r <= 0 || !cursor)
		return r;
	r = sd_journal_test_cursor(j, cursor);
	return r > 0 ? sd_journal_next(j) : r < 0 ? r : 1;
}

/*
 * 1: all is counted; 0: journal files have come or gone meanwhile, and one that came may hold entries before those that
 * were counted. A user's first entry makes such a file.
 */
static int count_journal(sd_journal *j, const struct options *o, struct metrics *metrics) {
	bool watched = sd_journal_get_fd(j) >= 0; /* not with --file */
	int r;

	if (watched)
		(void)sd_journal_process(j);
	for (r = seek(j, metrics_cursor(metrics)); r > 0; r = sd_journal_next(j)) {
		r = count_entry(j, o, metrics);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	return !watched || sd_journal_process(j) != SD_JOURNAL_INVALIDATE;
}

/* ── the state ── */

/* Also the lock: two runs at a time would both count the same entries. */
static int open_state(const char *path, int *ret_fd) {
	_cleanup_close_ int fd = -EBADF;

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

static int read_state(int dir, struct metrics **ret_metrics) {
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = read_named(dir, STATE_NAME, METRICS_STATE_MAX, &text, &length);

	return r < 0 ? r : metrics_load(text, length, ret_metrics);
}

/* The saved counters; new ones where there are none that can be used. */
static int begin(const struct options *o, int dir, struct metrics **ret_metrics) {
	int r = o->state ? read_state(dir, ret_metrics) : -ENOENT;

	if (r == -EBADMSG || r == -EFBIG) {
		log_warning("%s/" STATE_NAME " is damaged, ignoring it: counters begin anew with what the journal has.",
		            o->state);
		r = -ENOENT;
	}
	return r == -ENOENT ? metrics_new(ret_metrics) : r;
}

static int count_all(const struct options *o, int dir, struct metrics **ret_metrics) {
	for (int i = 0; i < TRIES; i++) {
		_cleanup_(metrics_freep) struct metrics *metrics = NULL;
		_cleanup_(journal_closep) sd_journal *j = NULL;
		int r = begin(o, dir, &metrics);

		if (r < 0) {
			log_error("cannot read the state in %s: %s", o->state, strerror(-r));
			return r;
		}
		r = open_journal(o, &j);
		if (r < 0)
			return r;
		r = count_journal(j, o, metrics);
		if (r < 0) {
			log_error("cannot go on reading the journal: %s", strerror(-r));
			return r;
		}
		if (r > 0 || i == TRIES - 1) {
			*ret_metrics = take_ptr(metrics);
			return 0;
		}
	}
	return -EAGAIN;
}

static int save_state(const struct options *o, int dir, const struct metrics *metrics) {
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = metrics_save(metrics, &text, &length);

	if (r >= 0)
		r = write_atomically(dir, STATE_NAME, text, length, 0600); /* paths of all users' programs */
	if (r < 0)
		log_error("cannot write the state in %s: %s", o->state, strerror(-r));
	return r;
}

/* ── the output ── */

/* node-exporter reads at any time, so the file is replaced as a whole; it reads names that end in .prom only. */
static int write_file(const char *path, const char *text, size_t length) {
	_cleanup_free_ char *folder = strdup(path);
	_cleanup_close_ int dir = -EBADF;
	char *slash;

	if (!folder)
		return -ENOMEM;
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = 0;
	dir = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	return write_atomically(dir, slash ? strrchr(path, '/') + 1 : path, text, length, 0644);
}

static int write_output(const struct options *o, const struct metrics *metrics) {
	bool to_file = o->output && !streq(o->output, "-");
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = metrics_render(metrics, &text, &length);

	if (r >= 0)
		r = to_file ? write_file(o->output, text, length) : write_full(STDOUT_FILENO, text, length);
	if (r < 0)
		log_error("cannot write %s: %s", to_file ? o->output : "standard output", strerror(-r));
	return r;
}

int verb_metrics(const struct options *o, char **arguments _unused_, size_t n _unused_) {
	_cleanup_(metrics_freep) struct metrics *metrics = NULL;
	_cleanup_close_ int dir = -EBADF;
	int r;

	if (o->state) {
		r = open_state(o->state, &dir);
		if (r < 0) {
			log_error("cannot use the folder %s: %s", o->state, strerror(-r));
			return EXIT_FAILURE;
		}
	}
	r = count_all(o, dir, &metrics);
	if (r >= 0 && o->state)
		r = save_state(o, dir, metrics);
	if (r >= 0)
		r = write_output(o, metrics);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
