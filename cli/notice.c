/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See notice.h. A report's strings are cleaned of control characters already (report/build.c), by whoever wrote the entry:
 * here they are once more, as it may be another version. Markup: https://specifications.freedesktop.org/notification-spec */
#include "cli/notice.h"

#include <inttypes.h>

#include "report/json.h"
#include "util/text.h"

/* Desktops show some five lines of fifty characters. */
#define TITLE_MAX 80
#define SUMMARY_MAX 240
#define ADVICE_MAX 240

/* Cleaned, cut and escaped; NULL without memory. Caller frees. */
static char *fit(const char *s, size_t max, bool markup) {
	static const struct {
		char c;
		const char *entity;
	} entities[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" } };
	_cleanup_free_ char *clean = text_clean_dup(s, strlen(s));
	char *out, *at;

	if (!clean)
		return NULL;
	text_ellipsize(clean, max);
	if (!markup)
		return take_ptr(clean);
	out = at = calloc(strlen(clean) + 1, strlen("&amp;"));
	for (const char *p = clean; out && *p; p++) {
		const char *entity = NULL;

		for (size_t i = 0; i < ELEMENTSOF(entities); i++)
			if (*p == entities[i].c)
				entity = entities[i].entity;
		if (entity)
			at = stpcpy(at, entity);
		else
			*at++ = *p;
	}
	return out;
}

int notice_of_report(json_object *report, bool markup, uint64_t count, char **ret_title, char **ret_body) {
	json_object *suggestions = json_get_array(report, "verdict.suggestions");
	const char *command = json_get_string(report, "process.command"), *said = json_get_string(report, "verdict.summary"),
		   *text = suggestions ? json_get_string(json_object_array_get_idx(suggestions, 0), "text") : NULL;
	_cleanup_free_ char *name = fit(command ?: "A program", TITLE_MAX, false), *title = NULL, *body = NULL,
			    *summary = fit(said ?: "no cause was found", SUMMARY_MAX, markup),
			    *advice = fit(text ?: "", ADVICE_MAX, markup);
	int n;

	if (!name || !summary || !advice)
		return -ENOMEM;
	n = count > 1 ? asprintf(&title, "%s crashed %" PRIu64 " times", name, count) : asprintf(&title, "%s crashed", name);
	if (n < 0) {
		title = NULL;
		return -ENOMEM;
	}
	if (asprintf(&body, "%s%s%s", summary, *advice ? "\n→ " : "", advice) < 0) {
		body = NULL;
		return -ENOMEM;
	}
	*ret_title = take_ptr(title);
	*ret_body = take_ptr(body);
	return 0;
}

int notice_of_rest(uint64_t count, char **ret_title, char **ret_body) {
	_cleanup_free_ char *title = NULL;

	if (asprintf(&title, "%" PRIu64 " more crash%s", count, count == 1 ? "" : "es") < 0) {
		title = NULL;
		return -ENOMEM;
	}
	*ret_body = strdup("“corewatchctl top” lists what crashes most, “corewatchctl” all.");
	if (!*ret_body)
		return -ENOMEM;
	*ret_title = take_ptr(title);
	return 0;
}

int notice_of_mute(const char *fingerprint, char **ret_title, char **ret_body) {
	_cleanup_free_ char *title = strdup("Muted");
	char *body;

	if (!title || asprintf(&body, "Your crashes with this cause are counted, but not analysed any more. To take it back: "
	                              "corewatchctl unmute %s", fingerprint) < 0)
		return -ENOMEM;
	*ret_title = take_ptr(title);
	*ret_body = body;
	return 0;
}
