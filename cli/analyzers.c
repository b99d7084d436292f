/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* corewatchctl analyzers: what diagnoses there are, in the order in which they run, and where each comes from. The
 * worker is asked, as it loads them. */
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/worker.h"
#include "report/json.h"
#include "report/report.h"
#include "util/log.h"

#include <fcntl.h>
#include <inttypes.h>

#define TIMEOUT (30 * USEC_PER_SEC)

static const char *text_of(json_object *item, const char *key) {
	return json_get_string(item, key) ?: "-";
}

static void print_table(const struct terminal *t, json_object *analyzers, bool legend) {
	size_t n = json_object_array_length(analyzers), name = strlen("NAME"), origin = strlen("ORIGIN");

	for (size_t i = 0; i < n; i++) {
		name = MAX(name, paint_columns(&t->paint, text_of(json_object_array_get_idx(analyzers, i), "name")));
		origin = MAX(origin,
		             paint_columns(&t->paint, text_of(json_object_array_get_idx(analyzers, i), "origin")));
	}
	if (legend) {
		paint_cell(&t->paint, INK_BOLD, "NAME", name + 1, CELL_LEFT);
		paint_text(&t->paint, INK_BOLD, "PRIORITY ");
		paint_cell(&t->paint, INK_BOLD, "ORIGIN", origin + 1, CELL_LEFT);
		paint_text(&t->paint, INK_BOLD, "SUMMARY");
		paint_line(&t->paint);
	}
	for (size_t i = 0; i < n; i++) {
		json_object *item = json_object_array_get_idx(analyzers, i), *enabled = json_get(item, "enabled");
		bool off = enabled && !json_object_get_boolean(enabled);
		char priority[24] = "-";
		int64_t v;

		if (json_get_integer(item, "priority", &v))
			snprintf(priority, sizeof(priority), "%" PRIi64, v);
		paint_cell(&t->paint, off ? INK_DIM : INK_PLAIN, text_of(item, "name"), name + 1, CELL_LEFT);
		paint_cell(&t->paint, INK_PLAIN, priority, strlen("PRIORITY"), CELL_RIGHT);
		paint_blanks(&t->paint, 1);
		paint_cell(&t->paint, INK_DIM, text_of(item, "origin"), origin + 1, CELL_LEFT);
		paint_text(&t->paint, INK_PLAIN, text_of(item, "summary"));
		paint_text(&t->paint, INK_DIM, off ? " (disabled)" : "");
		paint_line(&t->paint);
	}
}

static int ask_worker(const struct options *o, json_object **ret_analyzers) {
	_cleanup_(worker_result_done) struct worker_result result = {};
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *directory = NULL;
	char list[] = "--list-analyzers";
	int r;

	if (null < 0)
		return -errno;
	if (asprintf(&directory, "--analyzers-dir=%s", o->analyzers_dir ? o->analyzers_dir : worker_analyzers_dir()) <
	    0) {
		directory = NULL;
		return -ENOMEM;
	}
	r = worker_run((char *[]){ NULL, directory, list, NULL }, null, TIMEOUT, NULL, &result);
	if (r < 0)
		return r;
	if (result.status != REPORT_WORKER_EXITED || result.code != 0)
		return -EIO;
	return report_read_analyzers(result.records, result.length, ret_analyzers);
}

int verb_analyzers(const struct options *o, char **arguments _unused_, size_t n _unused_) {
	_cleanup_json_ json_object *analyzers = NULL;
	struct terminal terminal;
	int r = ask_worker(o, &analyzers);

	if (r < 0) {
		log_error("cannot ask %s for its analyzers: %s", worker_path(), strerror(-r));
		return EXIT_FAILURE;
	}
	terminal_open(&terminal, !o->no_pager);
	if (o->json != JSON_OFF)
		printf("%s\n", report_to_json(analyzers, o->json == JSON_PRETTY, NULL) ?: "[]");
	else
		print_table(&terminal, analyzers, !o->no_legend);
	return terminal_close(&terminal) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
