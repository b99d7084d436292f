/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See trust.h. journald vouches for the fields with "_": the sender's uid, and the system unit in whose cgroup he was. A
 * user's own unit of the same name is in _SYSTEMD_USER_UNIT=, beside the _SYSTEMD_UNIT= of his manager. The sender of a
 * report lives until journald has looked (daemon/submit.c), so that genuine reports have the unit.
 *
 * Where systemd is not PID 1 there are no units. Then a user's word about himself is taken, which is all that he could
 * lie about; files of other machines are judged by the strict rule.
 */
#include "cli/trust.h"

#include <systemd/sd-daemon.h>

#include "cli/journal.h"
#include "report/json.h"
#include "util/parse.h"
#include "util/text.h"

#define OUR_UNIT "corewatch.service"

static bool field_is(sd_journal *j, const char *name, const char *wanted) {
	_cleanup_free_ char *value = NULL;

	return entry_field(j, name, &value) >= 0 && streq(value, wanted);
}

static bool has_field(sd_journal *j, const char *name) {
	const void *data;
	size_t length;

	return sd_journal_get_data(j, name, &data, &length) >= 0;
}

static bool units_are_known(const struct options *o) {
	return o->n_files > 0 || o->directory || sd_booted() > 0;
}

bool entry_is_trusted(sd_journal *j, const struct options *o) {
	_cleanup_free_ char *uid = NULL;

	/* Written by journald and the journal's own tools only, or it is no entry that anybody vouches for. */
	if (!field_is(j, "_TRANSPORT", "journal") || entry_field(j, "_UID", &uid) < 0)
		return false;
	if (streq(uid, "0"))
		return true;
	if (field_is(j, "_SYSTEMD_UNIT", OUR_UNIT) && !has_field(j, "_SYSTEMD_USER_UNIT"))
		return true;
	return !units_are_known(o) && field_is(j, "COREWATCH_UID", uid);
}

/* "uid 1000, user@1000.service" */
static char *describe_sender(sd_journal *j) {
	_cleanup_free_ char *uid = NULL, *unit = NULL, *clean = NULL;
	char *text;

	if (entry_field(j, "_UID", &uid) < 0 || uid[strspn(uid, "0123456789")])
		return strdup("somebody unknown");
	if (entry_field(j, "_SYSTEMD_USER_UNIT", &unit) < 0)
		(void)entry_field(j, "_SYSTEMD_UNIT", &unit);
	clean = text_clean_dup(unit ? unit : "no unit", unit ? strlen(unit) : strlen("no unit"));
	if (!clean || asprintf(&text, "uid %s, %s", uid, clean) < 0)
		return NULL;
	return text;
}

int entry_mark_untrusted(sd_journal *j, json_object *report) {
	_cleanup_free_ char *sender = describe_sender(j), *summary = NULL, *message = NULL;
	json_object *verdict = json_get_object(report, "verdict"), *warnings = json_get_array(report, "warnings");
	const char *said = json_get_string(report, "verdict.summary");
	json_object *warning;
	int r = 0;

	if (!sender || asprintf(&summary, "UNTRUSTED (%s): %s", sender, said ? said : "no summary") < 0 ||
	    asprintf(&message, "not sent by " OUR_UNIT " but by %s: anybody can write such an entry", sender) < 0)
		return -ENOMEM;
	if (verdict)
		r = json_add_string(verdict, "summary", summary, strlen(summary));
	if (r < 0 || !warnings)
		return r;
	warning = json_object_new_object();
	if (!warning)
		return -ENOMEM;
	r = json_append(warnings, warning);
	if (r >= 0)
		r = json_add_string(warning, "stage", "journal", 16);
	return r >= 0 ? json_add_string(warning, "message", message, strlen(message)) : r;
}
