/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See format.h. Source files below the current folder are named relative to it, as code scanning and annotations want
 * them. */
#include "cli/format.h"

#include "report/export.h"
#include "report/json.h"
#include "util/log.h"

static int write_text(json_object *reports, const struct options *options _unused_, const struct report_style *style,
                      FILE *out) {
	int r = 0;

	for (size_t i = 0; i < json_object_array_length(reports) && r >= 0; i++)
		r = report_render_text(json_object_array_get_idx(reports, i), style, out);
	return r;
}

static int write_json(json_object *reports, const struct options *options, const struct report_style *style _unused_,
                      FILE *out) {
	for (size_t i = 0; i < json_object_array_length(reports); i++) {
		const char *json = report_to_json(json_object_array_get_idx(reports, i), options->json == JSON_PRETTY, NULL);

		if (!json)
			return -ENOMEM;
		fprintf(out, "%s\n", json);
	}
	return 0;
}

static int write_html(json_object *reports, const struct options *options _unused_,
                      const struct report_style *style _unused_, FILE *out) {
	return report_render_html(reports, out);
}

static int write_speedscope(json_object *reports, const struct options *options _unused_,
                            const struct report_style *style _unused_, FILE *out) {
	return report_render_speedscope(reports, out);
}

static int write_folded(json_object *reports, const struct options *options _unused_,
                        const struct report_style *style _unused_, FILE *out) {
	return report_render_folded(reports, out);
}

static int write_sarif(json_object *reports, const struct options *options _unused_,
                       const struct report_style *style _unused_, FILE *out) {
	_cleanup_free_ char *folder = getcwd(NULL, 0);

	return report_render_sarif(reports, folder, out);
}

static int write_github(json_object *reports, const struct options *options _unused_,
                        const struct report_style *style _unused_, FILE *out) {
	_cleanup_free_ char *folder = getcwd(NULL, 0);

	return report_render_github(reports, folder, out);
}

static const struct format formats[] = {
	{ "text", false, write_text },     { "json", false, write_json },  { "html", true, write_html },
	{ "speedscope", true, write_speedscope }, { "folded", false, write_folded }, { "sarif", true, write_sarif },
	{ "github", false, write_github },
};

const struct format *format_find(const char *name) {
	for (size_t i = 0; i < ELEMENTSOF(formats); i++)
		if (streq(name, formats[i].name))
			return &formats[i];
	return NULL;
}

const struct format *format_of(const struct options *o, const char *fallback) {
	return o->format ?: format_find(o->json != JSON_OFF ? "json" : fallback);
}

int format_open(const struct options *o, FILE **ret) {
	FILE *out = o->output && !streq(o->output, "-") ? fopen(o->output, "we") : stdout;

	if (!out) {
		int r = -errno;

		log_error("cannot write %s: %s", o->output, strerror(-r));
		return r;
	}
	*ret = out;
	return 0;
}

int format_close(const struct options *o, FILE *out) {
	bool bad = fflush(out) != 0 || ferror(out);

	if (out == stdout)
		return 0; /* terminal_close() looks after it. */
	bad = fclose(out) != 0 || bad;
	if (bad)
		log_error("cannot write all of %s: %s", o->output, strerror(errno));
	return bad ? -EIO : 0;
}
