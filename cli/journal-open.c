/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which journal files are read, as the options name them, and what to say where nothing is found in them. */
#include "cli/journal.h"
#include "cli/journal-private.h"

#include <fcntl.h>
#include <glob.h>
#include <systemd/sd-id128.h>

#include "util/log.h"

static void globfreep(glob_t *g) {
	globfree(g);
}

/* ── opening ── */

static int open_files(const struct options *o, sd_journal **ret) {
	_cleanup_(globfreep) glob_t found = {};
	int r;

	for (size_t i = 0; i < o->n_files; i++) {
		r = glob(o->files[i], GLOB_NOCHECK | (i > 0 ? GLOB_APPEND : 0), NULL, &found);
		if (r != 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (access(found.gl_pathv[i], R_OK) < 0) {
			r = -errno;
			log_error("cannot read %s: %s", found.gl_pathv[i], strerror(-r));
			return r;
		}
	r = sd_journal_open_files(ret, (const char **)found.gl_pathv, 0);
	if (r < 0)
		log_error("%s is not a journal file that can be read: %s",
		          found.gl_pathc == 1 ? found.gl_pathv[0] : "one of the files", strerror(-r));
	return r;
}

int journal_open_files(const struct options *o, sd_journal **ret) {
	const char *folder = o->directory ?: o->root;
	int r, local = (o->merge ? 0 : SD_JOURNAL_LOCAL_ONLY) | (o->own ? SD_JOURNAL_CURRENT_USER : 0);

	if ((o->n_files > 0) + (o->directory != NULL) + (o->root != NULL) > 1) {
		log_error("--file, --directory and --root exclude each other.");
		return -EINVAL;
	}
	if (o->n_files > 0)
		return open_files(o, ret);
	r = folder ? sd_journal_open_directory(ret, folder, o->directory ? 0 : SD_JOURNAL_OS_ROOT)
	           : sd_journal_open(ret, local);
	if (r < 0)
		log_error("cannot read the journal%s%s: %s", folder ? " in " : "", folder ?: "", strerror(-r));
	return r;
}

/* ── nothing ── */

/* Whether there is a system journal that we may not read. */
static bool system_journal_is_closed(void) {
	static const char *const roots[] = { "/var/log/journal", "/run/log/journal" };
	char id[SD_ID128_STRING_MAX], path[128];
	sd_id128_t machine;

	if (geteuid() == 0 || sd_id128_get_machine(&machine) < 0)
		return false;
	sd_id128_to_string(machine, id);
	for (size_t i = 0; i < ELEMENTSOF(roots); i++) {
		snprintf(path, sizeof(path), "%s/%s/system.journal", roots[i], id);
		if (access(path, R_OK) < 0 && errno == EACCES)
			return true;
	}
	return false;
}

void journal_tell_nothing(const struct options *o) {
	if (o->quiet)
		return;
	log_error("No crash reports found.");
	if (o->n_files == 0 && !o->directory && !o->root && system_journal_is_closed())
		log_error("Only your own crashes are visible to you: members of the groups systemd-journal and adm see "
		          "those of other users and of services.");
}
