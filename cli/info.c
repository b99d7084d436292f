/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* corewatchctl info: whole reports, as text or JSON. Without a match the last one, as coredumpctl has it. */
#include "cli/field.h"
#include "cli/journal.h"
#include "cli/reports.h"
#include "cli/terminal.h"
#include "report/report.h"

struct info {
	const struct options *options;
	struct terminal terminal;
	size_t shown;
};

static int show(json_object *report, void *userdata) {
	struct info *info = userdata;
	const char *json;

	if (info->options->json != JSON_OFF) {
		json = report_to_json(report, info->options->json == JSON_PRETTY, NULL);
		if (!json)
			return -ENOMEM;
		fprintf(stdout, "%s\n", json);
	} else {
		if (info->shown > 0)
			paint_line(&info->terminal.paint);
		report_render_text(report, &info->terminal.paint.style, stdout);
	}
	info->shown++;
	return 0;
}

int verb_info(const struct options *o, char **matches, size_t n) {
	struct info info = { .options = o };
	int64_t count;

	if (o->field) {
		bool narrowed = n > 0 || o->has_since || o->has_until || o->unit;

		return field_print(o, matches, n, o->one ? 1 : o->has_lines ? o->lines : narrowed ? 0 : 1);
	}
	terminal_open(&info.terminal, !o->no_pager);
	count = reports_each(o, matches, n, show, &info);
	if (terminal_close(&info.terminal) < 0 || count < 0)
		return EXIT_FAILURE;
	if (count == 0)
		journal_tell_nothing(o);
	return count == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
