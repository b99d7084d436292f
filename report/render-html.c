/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The HTML page: dashboard/picture.js, view.js and view.css as they are, and the reports as JSON beside them. All drawing is
 * view.js's, which puts every string of a report into text nodes. The page asks for nothing from anywhere, and its
 * content security policy says so.
 */
#include "report/export.h"

#include "report/assets.h"
#include "report/export-private.h"
#include "report/json.h"
#include "report/report.h"
#include "util/macro.h"

static void put_escaped(FILE *out, const char *s) {
	for (; *s; s++)
		if (*s == '&' || *s == '<' || *s == '>' || *s == '"')
			fprintf(out, "&#%d;", *s);
		else
			fputc(*s, out);
}

/* Inside <script>, "</script" and "<!--" would end or change what is read: no '<' is left, and JSON may write it so. */
static void put_json(FILE *out, const char *s) {
	for (; *s; s++)
		if (*s == '<')
			fputs("\\u003c", out);
		else
			fputc(*s, out);
}

static void put_title(FILE *out, json_object *reports) {
	json_object *first = json_object_array_get_idx(reports, 0);
	size_t n = json_object_array_length(reports);

	if (n == 1) {
		put_escaped(out, export_command(first));
		fputs(": ", out);
		put_escaped(out, json_get_string(first, "verdict.summary") ?: "crash");
	} else
		fprintf(out, "%zu crash reports", n);
}

int report_render_html(json_object *reports, FILE *out) {
	const char *json = report_to_json(reports, false, NULL);

	if (!json)
		return -ENOMEM;
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
	      "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<meta name=\"generator\" content=\"corewatch\">\n<title>",
	      out);
	put_title(out, reports);
	fputs("</title>\n<style>\n", out);
	asset_write(ASSET_VIEW_CSS, out);
	fputs("</style>\n</head>\n<body>\n<main id=\"reports\"></main>\n"
	      "<noscript><p>This page draws its report with JavaScript. The report itself is the JSON in its "
	      "source.</p></noscript>\n"
	      "<script type=\"application/json\" id=\"data\">",
	      out);
	put_json(out, json);
	fputs("</script>\n<script>\n", out);
	asset_write(ASSET_PICTURE_JS, out);
	fputs("</script>\n<script>\n", out);
	asset_write(ASSET_VIEW_JS, out);
	fputs("corewatchView.drawAll(document.getElementById(\"reports\"), "
	      "JSON.parse(document.getElementById(\"data\").textContent));\n</script>\n</body>\n</html>\n",
	      out);
	return ferror(out) ? -EIO : 0;
}
