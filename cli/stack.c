/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* corewatchctl stack: the whole folded stack of the crashed thread with the bytes of every frame, and with --threads
 * those of the other threads. */
#include "cli/journal.h"
#include "cli/reports.h"
#include "cli/terminal.h"
#include "report/json.h"
#include "report/report.h"

struct stack {
	const struct options *options;
	struct terminal terminal;
	size_t shown;
};

/* {"thread":{"id":…,"name":…},"stack":{…}}, a line for each thread. */
static int print_json(const struct options *o, json_object *thread, json_object *stack) {
	_cleanup_json_ json_object *item = json_object_new_object();
	static const char *const members[] = { "id", "name" };
	json_object *id;
	const char *json;
	int r;

	if (!stack)
		return 0;
	if (!item)
		return -ENOMEM;
	id = json_object_new_object();
	r = json_add(item, "thread", id);
	for (size_t i = 0; i < ELEMENTSOF(members) && r >= 0; i++)
		if (json_get(thread, members[i]))
			r = json_add(id, members[i], json_object_get(json_get(thread, members[i])));
	if (r >= 0)
		r = json_add(item, "stack", json_object_get(stack));
	json = r >= 0 ? report_to_json(item, o->json == JSON_PRETTY, NULL) : NULL;
	if (!json)
		return -ENOMEM;
	printf("%s\n", json);
	return 0;
}

static int print_all_json(const struct options *o, json_object *report) {
	json_object *threads = json_get_array(report, "threads");
	int r = print_json(o, json_get(report, "crash.thread"), json_get_object(report, "stack"));

	for (size_t i = 0; o->threads && threads && i < json_object_array_length(threads) && r >= 0; i++) {
		json_object *thread = json_object_array_get_idx(threads, i);

		if (!json_get_true(thread, "crashed"))
			r = print_json(o, thread, json_get_object(thread, "stack"));
	}
	return r;
}

static int show(json_object *report, void *userdata) {
	struct stack *stack = userdata;

	if (stack->options->json != JSON_OFF)
		return print_all_json(stack->options, report);
	if (stack->shown++ > 0)
		paint_line(&stack->terminal.paint);
	return report_render_stacks(report, stack->options->threads, &stack->terminal.paint.style, stdout);
}

int verb_stack(const struct options *o, char **matches, size_t n) {
	struct stack stack = { .options = o };
	int64_t count;

	terminal_open(&stack.terminal, !o->no_pager);
	count = reports_each(o, matches, n, show, &stack);
	if (terminal_close(&stack.terminal) < 0 || count < 0)
		return EXIT_FAILURE;
	if (count == 0)
		journal_tell_nothing(o);
	return count == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
