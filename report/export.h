/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports in other people's formats. Each function takes an array of reports that report_is_valid(), writes one whole
 * document to out, and returns 0, -ENOMEM or -EIO. What a report contains may be hostile: each writer escapes for its
 * format.
 */
#pragma once

#include <json-c/json.h>
#include <stdio.h>

/* One page that needs nothing else: dashboard/view.js and view.css with the reports inside. */
int report_render_html(json_object *reports, FILE *out);

/* https://www.speedscope.app/file-format-schema.json: a profile for each thread, frames weighed in bytes of stack. */
int report_render_speedscope(json_object *reports, FILE *out);

/* "thread;outer;inner BYTES", a line for each folded frame, as flamegraph.pl and inferno take them. */
int report_render_folded(json_object *reports, FILE *out);

/*
 * SARIF 2.1.0 (OASIS), for code scanning and editors; and workflow commands of GitHub Actions ("::error file=…"). folder:
 * the sources' root, or NULL; files below it are named relative to it, as both want.
 */
int report_render_sarif(json_object *reports, const char *folder, FILE *out);
int report_render_github(json_object *reports, const char *folder, FILE *out);
