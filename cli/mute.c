/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatchctl mute, unmute: what is not to be analysed. A mute is an entry in the journal under the user's own id,
 * which corewatchd finds there (report/mute.h); nothing else is written, and nobody is asked. The list is made of the
 * same entries, as far as the journal goes back; root's has also what the daemon has saved.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "cli/journal.h"
#include "cli/mute.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "report/json.h"
#include "report/mute.h"
#include "report/report.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/log.h"
#include "util/parse.h"

#define JOURNALD_SOCKET "/run/systemd/journal/socket"
#define STATE_DIRECTORY "/var/lib/corewatch"
#define STATE_MAX MIB(2)
/* Hex digits that may begin a fingerprint, where it is known; fewer could be a program's name. */
#define BEGINNING_LEAST 8

static void format_time(uint64_t usec, char *text, size_t size) {
	time_t t = (time_t)(usec / USEC_PER_SEC);
	struct tm tm;

	if (usec == MUTE_FOREVER || !localtime_r(&t, &tm) || strftime(text, size, "%a %Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		snprintf(text, size, "forever");
}

/* ── telling the daemon ── */

/* The only fingerprint in the journal that begins so, which the caller frees: info and top show no more than that. NULL:
 * there is none, or *ret_more. */
static char *whole_fingerprint(const char *beginning, bool *ret_more) {
	static const size_t name = sizeof("COREWATCH_FINGERPRINT=") - 1;
	_cleanup_(journal_closep) sd_journal *j = NULL;
	_cleanup_free_ char *found = NULL;
	const void *data;
	size_t length;

	if (sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY) < 0 || sd_journal_query_unique(j, "COREWATCH_FINGERPRINT") < 0)
		return NULL;
	SD_JOURNAL_FOREACH_UNIQUE(j, data, length) {
		_cleanup_free_ char *one = length > name ? strndup((const char *)data + name, length - name) : NULL;

		if (!one || !mute_is_fingerprint(one) || !str_has_prefix(one, beginning) || (found && streq(one, found)))
			continue;
		*ret_more = found;
		if (found)
			return NULL;
		found = take_ptr(one);
	}
	return take_ptr(found);
}

/* A path as the kernel will name it, a name, or a fingerprint. Told if it is none of these. Caller frees. */
static char *resolve(const char *word) {
	size_t digits = strspn(word, "0123456789abcdef");
	bool several = false;
	char *path = NULL;

	if (strchr(word, '/') && (path = realpath(word, NULL)))
		return path;
	if (digits >= BEGINNING_LEAST && !word[digits] && !mute_is_fingerprint(word)) {
		path = whole_fingerprint(word, &several);
		if (several)
			log_error("'%s' begins more than one fingerprint: give more of its digits.", word);
		if (path || several)
			return path;
	}
	if ((strchr(word, '/') && *word != '/') || !mute_is_valid(word)) {
		log_error("'%s' is not the path or name of a program, nor a fingerprint (32 hex digits).", word);
		return NULL;
	}
	return strdup(word);
}

int mute_send(const char *what, uint64_t until_usec) {
	_cleanup_free_ char *message = NULL;
	char until[24], time[64];

	if (access(JOURNALD_SOCKET, F_OK) < 0)
		return -errno; /* sd_journal_send() calls that a success */
	format_time(until_usec, time, sizeof(time));
	if (until_usec == MUTE_FOREVER)
		snprintf(until, sizeof(until), "infinity");
	else
		snprintf(until, sizeof(until), "%" PRIu64, until_usec);
	if (asprintf(&message, "Crashes of %s are %s%s", what, until_usec == 0 ? "analysed again" : "muted: ",
	             until_usec == 0 ? "" : time) < 0) {
		message = NULL;
		return -ENOMEM;
	}
	return sd_journal_send("MESSAGE=%s", message, "MESSAGE_ID=" COREWATCH_MESSAGE_ID_MUTE, "PRIORITY=5",
	                       "SYSLOG_IDENTIFIER=corewatchctl", "COREWATCH_MUTE=%s", what, "COREWATCH_MUTE_UNTIL=%s",
	                       until, NULL);
}

static int tell(const char *word, uint64_t until_usec) {
	const char *whose = geteuid() == 0 ? "All" : "Your";
	_cleanup_free_ char *what = resolve(word);
	char time[64];
	int r;

	if (!what)
		return EXIT_USAGE;
	r = mute_send(what, until_usec);
	if (r < 0) {
		log_error("cannot write to the journal: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	format_time(until_usec, time, sizeof(time));
	if (until_usec == 0)
		printf("Crashes of %s are analysed again.\n", what);
	else if (until_usec == MUTE_FOREVER)
		printf("%s crashes of %s are counted, but not analysed any more.\n", whose, what);
	else
		printf("%s crashes of %s are counted, but not analysed until %s.\n", whose, what, time);
	return EXIT_SUCCESS;
}

/* ── the list ── */

/* The daemon's file, which only root can read. Missing or bad: the journal alone. */
static void read_saved(struct mutes *mutes) {
	const char *directory = getenv("STATE_DIRECTORY");
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_close_ int fd = -EBADF;
	size_t length;

	if (asprintf(&path, "%s/mutes", directory && *directory == '/' ? directory : STATE_DIRECTORY) < 0) {
		path = NULL;
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && read_whole(fd, STATE_MAX, &text, &length) >= 0)
		(void)mutes_read(mutes, text);
}

static int apply_entry(sd_journal *j, struct mutes *mutes) {
	_cleanup_free_ char *uid_text = NULL, *what = NULL, *until = NULL;
	uint64_t time_usec;
	uint32_t uid;

	if (entry_field(j, "_UID", &uid_text) < 0 || parse_uid(uid_text, &uid) < 0 ||
	    entry_field(j, "COREWATCH_MUTE", &what) < 0 || entry_field(j, "COREWATCH_MUTE_UNTIL", &until) < 0 ||
	    sd_journal_get_realtime_usec(j, &time_usec) < 0)
		return 0;
	return mutes_apply(mutes, uid, time_usec, what, until) == -ENOMEM ? -ENOMEM : 0;
}

static int read_journal(struct mutes *mutes) {
	_cleanup_(journal_closep) sd_journal *j = NULL;
	char own[32];
	int r;

	r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
	if (r < 0)
		return r;
	r = sd_journal_add_match(j, "MESSAGE_ID=" COREWATCH_MESSAGE_ID_MUTE, 0);
	if (r >= 0)
		r = sd_journal_add_match(j, "_TRANSPORT=journal", 0);
	snprintf(own, sizeof(own), "_UID=%u", (unsigned)geteuid());
	if (r >= 0 && geteuid() != 0)
		r = sd_journal_add_match(j, own, 0);
	while (r >= 0 && (r = sd_journal_next(j)) > 0)
		r = apply_entry(j, mutes);
	return r;
}

static int print_json(const struct options *o, const struct mutes *mutes) {
	_cleanup_json_ json_object *array = json_object_new_array();
	const char *text;

	if (!array)
		return -ENOMEM;
	for (size_t i = 0; i < mutes_count(mutes); i++) {
		const struct mute *mute = mutes_get(mutes, i);
		json_object *item = json_object_new_object();

		if (!item || json_append(array, item) < 0 || json_add_integer(item, "uid", mute->uid) < 0 ||
		    json_add_string(item, "what", mute->what, MUTE_WHAT_MAX) < 0)
			return -ENOMEM;
		if ((mute->until_usec == MUTE_FOREVER ? json_add_null(item, "until")
		                                      : json_add_integer(item, "until", (int64_t)mute->until_usec)) < 0)
			return -ENOMEM;
	}
	text = report_to_json(array, o->json == JSON_PRETTY, NULL);
	if (!text)
		return -ENOMEM;
	puts(text);
	return 0;
}

static void print_table(const struct options *o, const struct mutes *mutes) {
	if (!o->no_legend && mutes_count(mutes) > 0)
		printf("%10s  %-30s %s\n", "UID", "UNTIL", "WHAT");
	for (size_t i = 0; i < mutes_count(mutes); i++) {
		const struct mute *mute = mutes_get(mutes, i);
		char time[64];

		format_time(mute->until_usec, time, sizeof(time));
		printf("%10" PRIu32 "  %-30s %s\n", mute->uid, time, mute->what);
	}
	if (mutes_count(mutes) == 0 && !o->no_legend)
		puts("Nothing is muted.");
}

static int list(const struct options *o) {
	_cleanup_(mutes_freep) struct mutes *mutes = NULL;
	int r = mutes_new(&mutes);

	if (r >= 0) {
		if (geteuid() == 0)
			read_saved(mutes);
		r = read_journal(mutes);
	}
	if (r >= 0) {
		mutes_expire(mutes, clock_usec(CLOCK_REALTIME));
		if (o->json == JSON_OFF)
			print_table(o, mutes);
		else
			r = print_json(o, mutes);
	}
	if (r < 0)
		log_error("cannot list what is muted: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ── verbs ── */

static int tell_all(char **words, size_t n, uint64_t until_usec) {
	int status = EXIT_SUCCESS;

	for (size_t i = 0; i < n; i++)
		status = MAX(status, tell(words[i], until_usec));
	return status;
}

int verb_mute(const struct options *options, char **arguments, size_t n) {
	uint64_t until;

	if (n == 0 && options->has_duration) {
		log_error("--for needs something to mute. Try corewatchctl --help.");
		return EXIT_USAGE;
	}
	if (n == 0)
		return list(options);
	if (!options->has_duration || !add_u64(clock_usec(CLOCK_REALTIME), options->duration, &until))
		until = MUTE_FOREVER;
	return tell_all(arguments, n, until);
}

int verb_unmute(const struct options *options _unused_, char **arguments, size_t n) {
	if (n == 0) {
		log_error("corewatchctl unmute needs the path or name of a program, or a fingerprint.");
		return EXIT_USAGE;
	}
	return tell_all(arguments, n, 0);
}
