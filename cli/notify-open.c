/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See notify-open.h. The page lies in the folder of the user's session, which is his alone and goes with it. */
#include "cli/notify-open.h"

#include <spawn.h>
#include <sys/stat.h>

#include "cli/format.h"
#include "cli/reports.h"
#include "report/json.h"
#include "util/log.h"
#include "util/spawn.h"

static int collect(json_object *report, void *userdata) {
	return json_append(userdata, json_object_get(report));
}

/* The page of the report, as it is by now: debug information may have come. Told. Caller frees. */
static char *write_page(const struct options *options, const char *id) {
	_cleanup_json_ json_object *reports = json_object_new_array();
	_cleanup_free_ char *match = NULL, *folder = NULL;
	const char *session = getenv("XDG_RUNTIME_DIR");
	struct options o = *options;
	char *path = NULL;
	FILE *out = NULL;
	bool good;

	if (!session || *session != '/') {
		log_warning("cannot open the report: XDG_RUNTIME_DIR is not set");
		return NULL;
	}
	if (!reports || asprintf(&match, "COREWATCH_ID=%s", id) < 0 || asprintf(&folder, "%s/corewatch", session) < 0 ||
	    asprintf(&path, "%s/%s.html", folder, id) < 0)
		return NULL;
	o.has_since = false;
	good = (mkdir(folder, 0700) == 0 || errno == EEXIST) && (o.output = path) && format_open(&o, &out) >= 0;
	if (good) {
		good = reports_each(&o, &match, 1, collect, reports) > 0 &&
		       format_find("html")->write(reports, &o, NULL, out) >= 0;
		good = format_close(&o, out) >= 0 && good;
	}
	if (!good) {
		log_warning("cannot write the report's page %s", path);
		free(path);
		return NULL;
	}
	return path;
}

void notify_open(const struct options *options, const char *id) {
	_cleanup_free_ char *path = write_page(options, id);
	posix_spawnattr_t attributes;
	pid_t pid;
	int r;

	if (!path || posix_spawnattr_init(&attributes) != 0)
		return;
	spawn_set_attributes(&attributes, 0);
	r = posix_spawnp(&pid, "xdg-open", NULL, &attributes, (char *[]){ (char *)"xdg-open", path, NULL }, environ);
	posix_spawnattr_destroy(&attributes);
	if (r != 0)
		log_warning("cannot start xdg-open: %s", strerror(r));
}
