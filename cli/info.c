/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* corewatchctl info: whole reports, as text or JSON. Without a match the last one, as coredumpctl has it. */
#include "cli/field.h"
#include "cli/journal.h"
#include "cli/terminal.h"
#include "report/json.h"
#include "report/report.h"

struct info {
	const struct options *options;
	struct terminal terminal;
	size_t shown;
};

static int show(sd_journal *j, void *userdata) {
	_cleanup_json_ json_object *report = NULL;
	struct info *info = userdata;
	const char *json;
	int r;

	r = entry_report(j, info->options, false, &report);
	if (r < 0)
		return r == -EBADMSG || r == -EFBIG ? 0 : r;
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
	return 1;
}

int verb_info(const struct options *o, char **matches, size_t n) {
	struct info info = { .options = o };
	_cleanup_(journal_closep) sd_journal *j = NULL;
	bool narrowed = n > 0 || o->has_since || o->has_until || o->unit;
	uint64_t limit = o->one ? 1 : o->has_lines ? o->lines : narrowed ? 0 : 1;
	int64_t count;

	if (o->field)
		return field_print(o, matches, n, limit);
	if (journal_open(o, matches, n, &j) < 0)
		return EXIT_FAILURE;
	terminal_open(&info.terminal, !o->no_pager);
	count = journal_each(j, o, matches, n, limit, &(struct journal_visitor){ entry_has_report, show, &info });
	if (terminal_close(&info.terminal) < 0 || count < 0)
		return EXIT_FAILURE;
	if (info.shown == 0)
		journal_tell_nothing(o);
	return info.shown == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
