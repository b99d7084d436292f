/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See reports.h. A file has one report, or one a line, as `--json` and `journalctl --output-fields` print them. */
#include "cli/reports.h"

#include <fcntl.h>

#include "cli/journal.h"
#include "report/json.h"
#include "report/report.h"
#include "util/io.h"
#include "util/log.h"
#include "util/protocol.h"

/* Of a file: some thousand reports of usual size. */
#define INPUT_MAX MIB(256)

struct showing {
	const struct options *options;
	int (*each)(json_object *report, void *userdata);
	void *userdata;
};

static int show(sd_journal *j, void *userdata) {
	_cleanup_json_ json_object *report = NULL;
	const struct showing *showing = userdata;
	int r = entry_report(j, showing->options, false, &report);

	if (r < 0)
		return r == -EBADMSG || r == -EFBIG ? 0 : r;
	r = showing->each(report, showing->userdata);
	return r < 0 ? r : 1;
}

static int64_t from_journal(const struct options *o, char **matches, size_t n, const struct showing *showing) {
	_cleanup_(journal_closep) sd_journal *j = NULL;
	bool narrowed = n > 0 || o->has_since || o->has_until || o->unit;
	uint64_t limit = o->one ? 1 : o->has_lines ? o->lines : narrowed ? 0 : 1;
	int r;

	r = journal_open(o, matches, n, &j);
	if (r < 0)
		return r;
	return journal_each(j, o, matches, n, limit,
	                    &(struct journal_visitor){ entry_has_report, show, (void *)showing });
}

/* 1 for a report, 0 for an empty line. */
static int show_text(const char *name, size_t line, const char *text, size_t length, const struct showing *showing) {
	_cleanup_json_ json_object *report = NULL;
	int r;

	if (strspn(text, " \t\r\n") >= length)
		return 0;
	r = length > RECORDS_MAX ? -EFBIG : report_parse(text, length, &report);
	if (r < 0) {
		if (line > 0)
			log_error("line %zu of %s is no report%s%s", line, name, r == -EBADMSG ? "" : ": ",
			          r == -EBADMSG ? "" : strerror(-r));
		return r;
	}
	r = showing->each(report, showing->userdata);
	return r < 0 ? r : 1;
}

static int64_t show_lines(const char *name, char *text, const struct showing *showing) {
	int64_t shown = 0;

	for (size_t line = 1; text; line++) {
		char *end = strchr(text, '\n');
		int r;

		if (end)
			*end = 0;
		r = show_text(name, line, text, strlen(text), showing);
		if (r < 0)
			return r;
		shown += r;
		text = end ? end + 1 : NULL;
	}
	return shown;
}

static int64_t from_file(const char *name, const struct showing *showing) {
	bool is_stdin = streq(name, "-");
	_cleanup_close_ int opened = is_stdin ? -EBADF : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r;

	r = !is_stdin && opened < 0 ? -errno
	                            : read_whole(is_stdin ? STDIN_FILENO : opened, INPUT_MAX, &text, &length);
	if (r < 0) {
		log_error("cannot read %s: %s", is_stdin ? "standard input" : name, strerror(-r));
		return r;
	}
	r = show_text(name, 0, text, length, showing);
	return r == -EBADMSG || r == -EFBIG ? show_lines(is_stdin ? "standard input" : name, text, showing) : r;
}

int64_t reports_each(const struct options *o, char **matches, size_t n, int (*each)(json_object *report, void *userdata),
                     void *userdata) {
	const struct showing showing = { o, each, userdata };

	if (!o->input)
		return from_journal(o, matches, n, &showing);
	if (n > 0) {
		log_error("--input takes its reports from a file: matches have no meaning with it.");
		return -EINVAL;
	}
	return from_file(o->input, &showing);
}
