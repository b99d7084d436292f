/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* corewatchctl watch: reports as they come in; the verdict, and the first thing to do. As JSON, a report a line. */
#include "cli/field.h"
#include "cli/journal.h"
#include "cli/terminal.h"
#include "cli/when.h"
#include "report/json.h"
#include "report/report.h"
#include "util/log.h"

#include <inttypes.h>
#include <signal.h>

struct watch {
	const struct options *options;
	struct terminal terminal;
};

static void show_text(const struct watch *watch, sd_journal *j, json_object *report) {
	const struct paint *paint = &watch->terminal.paint;
	json_object *suggestions = json_get_array(report, "verdict.suggestions");
	const char *advice = suggestions ? json_get_string(json_object_array_get_idx(suggestions, 0), "text") : NULL,
		   *id = json_get_string(report, "report_id"),
		   *confidence = json_get_string(report, "verdict.confidence");
	_cleanup_free_ char *message = NULL, *host = NULL;
	uint64_t usec = 0;
	int64_t seen = 0;
	char when[WHEN_BYTES];

	if (!when_parse(json_get_string(report, "time") ?: "", &usec))
		sd_journal_get_realtime_usec(j, &usec);
	json_get_integer(report, "fingerprint.seen", &seen);
	if (report_message(report, &message) < 0)
		return;
	if (watch->options->merge && entry_clean_field(j, "_HOSTNAME", &host) >= 0)
		paint_format(paint, INK_DIM, "%s ", host);
	paint_format(paint, INK_DIM, "%s  ", when_local(usec, when));
	paint_text(paint, confidence && streq(confidence, "certain") ? INK_BOLD : INK_PLAIN, message);
	paint_line(paint);
	if (advice)
		paint_paragraph(paint, INK_PLAIN, "  → ", advice);
	paint_format(paint, INK_DIM, "  corewatchctl info %.8s", id ?: "");
	if (seen > 1)
		paint_format(paint, INK_DIM, "  (seen %" PRIi64 " times)", seen);
	paint_line(paint);
}

static int show(sd_journal *j, void *userdata) {
	_cleanup_json_ json_object *report = NULL;
	struct watch *watch = userdata;
	const char *json;
	int r;

	r = entry_report(j, watch->options, watch->options->json == JSON_OFF, &report);
	if (r < 0)
		return r == -EBADMSG || r == -EFBIG ? 0 : r;
	if (watch->options->json == JSON_OFF)
		show_text(watch, j, report);
	else {
		json = report_to_json(report, watch->options->json == JSON_PRETTY, NULL);
		if (!json)
			return -ENOMEM;
		printf("%s\n", json);
	}
	return fflush(stdout) != 0 ? -errno : 1;
}

int verb_watch(const struct options *o, char **matches, size_t n) {
	_cleanup_(journal_closep) sd_journal *j = NULL;
	struct watch watch = { .options = o };
	int r;

	if (journal_open(o, matches, n, &j) < 0)
		return EXIT_FAILURE;
	terminal_open(&watch.terminal, false);
	r = journal_follow(j, o, matches, n, &(struct journal_visitor){ entry_has_report, show, &watch },
	                   NULL);
	return r == -EPIPE ? EXIT_SUCCESS : EXIT_FAILURE;
}
