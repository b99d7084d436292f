/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* corewatchctl export: reports as files for other programs, and the HTML page. */
#include "cli/format.h"
#include "cli/journal.h"
#include "cli/reports.h"
#include "cli/terminal.h"
#include "report/json.h"
#include "util/log.h"

struct export {
	json_object *reports;
};

static int collect(json_object *report, void *userdata) {
	struct export *export = userdata;

	return json_append(export->reports, json_object_get(report));
}

static int write_all(const struct options *o, const struct format *format, json_object *reports,
                     const struct report_style *style) {
	FILE *out;
	int r, closed;

	r = format_open(o, &out);
	if (r < 0)
		return r;
	r = format->write(reports, o, style, out);
	if (r == -EIO && out == stdout && terminal_reader_is_gone())
		r = 0;
	if (r < 0)
		log_error("cannot write the reports as %s: %s", format->name, strerror(-r));
	closed = format_close(o, out);
	return r < 0 ? r : closed;
}

int verb_export(const struct options *o, char **matches, size_t n) {
	_cleanup_json_ json_object *reports = json_object_new_array();
	struct export export = { reports };
	struct terminal terminal;
	int64_t count;
	int r;

	if (!reports)
		return EXIT_FAILURE;
	count = reports_each(o, matches, n, collect, &export);
	if (count <= 0) {
		if (count == 0)
			journal_tell_nothing(o);
		return EXIT_FAILURE;
	}
	terminal_open(&terminal, false);
	r = write_all(o, format_of(o, "json"), reports, &terminal.paint.style);
	return terminal_close(&terminal) < 0 || r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
