/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See field.h. Entries without the field are passed over, as by journalctl. */
#include "cli/field.h"

#include "cli/journal.h"
#include "cli/terminal.h"
#include "util/log.h"
#include "util/text.h"

struct field {
	const char *name;
	size_t shown;
};

static bool has_field(sd_journal *j, void *userdata) {
	_cleanup_free_ char *value = NULL;
	const struct field *field = userdata;

	return entry_field(j, field->name, &value) >= 0;
}

static int print(sd_journal *j, void *userdata) {
	_cleanup_free_ char *value = NULL, *clean = NULL;
	struct field *field = userdata;
	int r;

	r = entry_field(j, field->name, &value);
	if (r == -ENOENT || r == -EFBIG || r == -EBADMSG)
		return 0;
	if (r < 0)
		return r;
	clean = text_clean_dup(value, strlen(value));
	if (!clean)
		return -ENOMEM;
	puts(clean);
	field->shown++;
	return 1;
}

int field_print(const struct options *o, char **matches, size_t n, uint64_t limit) {
	_cleanup_(journal_closep) sd_journal *j = NULL;
	struct field field = { .name = o->field };
	struct terminal terminal;
	int64_t count;

	if (!*o->field || o->field[strspn(o->field, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")]) {
		log_error("'%s' is no journal field: names are of capitals, digits and underscores, such as "
		          "COREWATCH_EXE.",
		          o->field);
		return EXIT_USAGE;
	}
	if (journal_open(o, matches, n, &j) < 0)
		return EXIT_FAILURE;
	terminal_open(&terminal, !o->no_pager);
	count = journal_each(j, o, matches, n, limit, &(struct journal_visitor){ has_field, print, &field });
	if (terminal_close(&terminal) < 0 || count < 0)
		return EXIT_FAILURE;
	if (field.shown == 0)
		journal_tell_nothing(o);
	return field.shown == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
