/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatchctl hook: runs a command for each new report, with the report as its standard input. For webhooks, mail, and
 * for sending reports to another host. It runs as a service of its own, with none of the daemon's rights
 * (units/corewatch-hook@.service.in); what it needs is to read the journal.
 *
 * The place in the journal is saved (--state=) when the command has ended well, and not before: a report is handed over
 * again only if we, or the machine, were killed between the two. A command that fails is run again with the same report,
 * after a while, until it ends well; the reports behind it wait. So none is lost while the journal has it.
 *
 * SIGTERM waits for the running command.
 */
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <signal.h>
#include <time.h>

#include "cli/hook-run.h"
#include "cli/journal.h"
#include "report/json.h"
#include "report/report.h"
#include "util/io.h"
#include "util/log.h"
#include "util/protocol.h"
#include "util/text.h"

/* A cursor has some 150 bytes. */
#define STATE_MAX KIB(4)
/* In the state file where the journal was empty at the first start. */
#define STATE_START "start"
/* Between two tries: at first, and at most. The same for a network that is away for a moment, and for a weekend. */
#define PAUSE_FIRST 1u
#define PAUSE_MOST 300u
#define TIMEOUT_DEFAULT (UINT64_C(600) * USEC_PER_SEC)
/* A batch ends when it has got so large. */
#define BATCH_BYTES MIB(8)
#define N_VARIABLES 8
/* Of a variable: a path. Another machine's entry may have more, and beyond 128 KiB no program can be started. */
#define VARIABLE_MAX KIB(4)

struct hook {
	const struct options *options;
	char **command;
	sigset_t ending; /* signals that end us, blocked while a command runs */
	char *data;      /* the batch */
	size_t length, n;
	FILE *stream;
	char *cursor;                     /* of its last report */
	char *variables[N_VARIABLES + 1]; /* of its last report */
};

static void batch_clear(struct hook *hook) {
	if (hook->stream)
		fclose(hook->stream);
	free(hook->data);
	free(hook->cursor);
	for (size_t i = 0; i < N_VARIABLES; i++)
		free(take_ptr(hook->variables[i]));
	hook->stream = NULL;
	hook->data = hook->cursor = NULL;
	hook->length = hook->n = 0;
}

/* ── state ── */

static int save(const struct options *o, const char *text) {
	_cleanup_free_ char *copy = NULL, *copy_too = NULL, *line = NULL;
	_cleanup_close_ int folder = -EBADF;
	int r;

	if (!o->state)
		return 0;
	copy = strdup(o->state);
	copy_too = strdup(o->state);
	if (!copy || !copy_too || asprintf(&line, "%s\n", text) < 0)
		return -ENOMEM;
	folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = folder < 0 ? -errno : write_atomically(folder, basename(copy_too), line, strlen(line), 0600);
	if (r < 0)
		log_error("cannot keep the place in the journal in %s: %s", o->state, strerror(-r));
	return r;
}

/* *ret_cursor stays NULL where there is none. */
static int load(const struct options *o, char **ret_cursor) {
	_cleanup_close_ int fd = o->state ? open(o->state, O_RDONLY | O_CLOEXEC) : -EBADF;
	char *text;
	size_t length;
	int r;

	if (fd < 0)
		return o->state && errno != ENOENT ? -errno : 0;
	r = read_whole(fd, STATE_MAX, &text, &length);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = 0;
	*ret_cursor = text;
	return 0;
}

/* Where to begin: behind what was handed over; at first at -S, or with what comes from now on, which is saved at once, so
 * that a crash before the first report is not forgotten by a second start. */
static int find_place(struct options *o, char **ret_cursor) {
	int r = load(o, ret_cursor);

	if (r < 0) {
		log_error("cannot read %s: %s", o->state, strerror(-r));
		return r;
	}
	if (!*ret_cursor && !o->has_since) {
		r = journal_last_cursor(o, ret_cursor);
		if (r == -ENOENT)
			r = (*ret_cursor = strdup(STATE_START)) ? 0 : -ENOMEM;
		if (r >= 0)
			r = save(o, *ret_cursor);
		if (r < 0)
			return r;
	}
	if (*ret_cursor && !streq(*ret_cursor, STATE_START))
		o->after_cursor = *ret_cursor;
	else if (*ret_cursor) {
		o->has_since = true;
		o->since = 0;
	}
	return 0;
}

/* ── what the command gets ── */

static int add_variable(struct hook *hook, sd_journal *j, const char *field, const char *name) {
	_cleanup_free_ char *value = NULL;
	size_t i = 0;

	while (hook->variables[i])
		i++;
	if (entry_clean_field(j, field, &value) < 0)
		return 0;
	text_ellipsize(value, VARIABLE_MAX);
	if (asprintf(&hook->variables[i], "%s=%s", name, value) < 0) {
		hook->variables[i] = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int set_variables(struct hook *hook, sd_journal *j) {
	static const struct {
		const char *field, *name;
	} table[N_VARIABLES] = {
		{ "COREWATCH_ID", "COREWATCH_ID" },
		{ "COREWATCH_REVISION", "COREWATCH_REVISION" },
		{ "COREWATCH_VERDICT", "COREWATCH_VERDICT" },
		{ "COREWATCH_FINGERPRINT", "COREWATCH_FINGERPRINT" },
		{ "COREWATCH_SEEN", "COREWATCH_SEEN" },
		{ "COREWATCH_EXE", "COREWATCH_EXE" },
		{ "MESSAGE", "COREWATCH_MESSAGE" },
		{ "_HOSTNAME", "COREWATCH_HOST" },
	};
	int r = 0;

	for (size_t i = 0; i < N_VARIABLES; i++)
		free(take_ptr(hook->variables[i]));
	for (size_t i = 0; i < N_VARIABLES && r >= 0; i++)
		r = add_variable(hook, j, table[i].field, table[i].name);
	return r;
}

static bool is_plain(const char *s, size_t length) {
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)s[i] < ' ')
			return false;
	return true;
}

/* https://systemd.io/JOURNAL_EXPORT_FORMATS/ */
static int write_entry(sd_journal *j, const char *cursor, FILE *out) {
	uint64_t realtime, monotonic;
	sd_id128_t boot;
	const void *data;
	size_t length;
	int r;

	r = sd_journal_get_realtime_usec(j, &realtime);
	if (r >= 0)
		r = sd_journal_get_monotonic_usec(j, &monotonic, &boot);
	if (r < 0)
		return r;
	fprintf(out, "__CURSOR=%s\n__REALTIME_TIMESTAMP=%" PRIu64 "\n__MONOTONIC_TIMESTAMP=%" PRIu64 "\n_BOOT_ID=" SD_ID128_FORMAT_STR "\n",
	        cursor, realtime, monotonic, SD_ID128_FORMAT_VAL(boot));
	sd_journal_restart_data(j);
	while ((r = sd_journal_enumerate_available_data(j, &data, &length)) > 0) {
		const char *field = data, *equals = memchr(data, '=', length);
		uint64_t value = equals ? length - (size_t)(equals - field) - 1 : 0, little = htole64(value);

		if (!equals || strncmp(field, "_BOOT_ID=", strlen("_BOOT_ID=")) == 0)
			continue;
		if (is_plain(field, length))
			fwrite(field, length, 1, out);
		else {
			fwrite(field, (size_t)(equals - field), 1, out);
			fputc('\n', out);
			fwrite(&little, sizeof(little), 1, out);
			fwrite(equals + 1, value, 1, out);
		}
		fputc('\n', out);
	}
	fputc('\n', out);
	return r;
}

static int write_report(sd_journal *j, const struct options *o, FILE *out) {
	_cleanup_json_ json_object *report = NULL;
	const char *json;
	int r = entry_report(j, o, false, &report);

	if (r < 0)
		return r;
	json = report_to_json(report, o->json == JSON_PRETTY, NULL);
	if (!json)
		return -ENOMEM;
	fprintf(out, "%s\n", json);
	return 0;
}

/* ── running it ── */

/* Waits, or until a signal wants us to end: -ECANCELED. */
static int pause_for(const struct hook *hook, unsigned seconds) {
	struct timespec time = { .tv_sec = seconds };

	return sigtimedwait(&hook->ending, NULL, &time) > 0 ? -ECANCELED : 0;
}

static int try_until_done(struct hook *hook) {
	const struct options *o = hook->options;
	uint64_t timeout = o->has_timeout ? o->timeout : TIMEOUT_DEFAULT;

	for (unsigned pause = PAUSE_FIRST;; pause = MIN(pause * 2, PAUSE_MOST)) {
		_cleanup_free_ char *how = NULL;
		enum hook_result result = HOOK_FAILED;
		int r;

		r = hook_run(hook->command, hook->variables, hook->data, hook->length, timeout, &result, &how);
		if (r >= 0 && result == HOOK_DONE)
			return 0;
		if (result == HOOK_REFUSED) {
			log_warning("%s refused %zu report%s, the last with id %s: going on with the next", hook->command[0], hook->n,
			            hook->n == 1 ? "" : "s", hook->variables[0] ? hook->variables[0] : "?");
			return 0;
		}
		log_warning("%s %s, trying again in %u s", hook->command[0], r < 0 ? strerror(-r) : how, pause);
		r = pause_for(hook, pause);
		if (r < 0)
			return r;
	}
}

/* Hands the batch over and saves the place. */
static int flush(void *userdata) {
	struct hook *hook = userdata;
	int r;

	if (hook->n == 0)
		return 0;
	if (fflush(hook->stream) != 0)
		return -ENOMEM;
	r = try_until_done(hook);
	if (r >= 0)
		r = save(hook->options, hook->cursor);
	batch_clear(hook);
	return r;
}

static int take(struct hook *hook, sd_journal *j) {
	_cleanup_free_ char *cursor = NULL;
	long begin;
	int r = sd_journal_get_cursor(j, &cursor);

	if (r < 0)
		return r;
	if (!hook->stream && !(hook->stream = open_memstream(&hook->data, &hook->length)))
		return -ENOMEM;
	begin = ftell(hook->stream);
	r = hook->options->entries ? write_entry(j, cursor, hook->stream) : write_report(j, hook->options, hook->stream);
	if (r == -EBADMSG || r == -EFBIG) /* what there is of it is written over */
		return fseek(hook->stream, begin, SEEK_SET) < 0 ? -errno : 0;
	if (r >= 0)
		r = set_variables(hook, j);
	if (r < 0)
		return r;
	free(hook->cursor);
	hook->cursor = take_ptr(cursor);
	hook->n++;
	return 1;
}

static int each(sd_journal *j, void *userdata) {
	struct hook *hook = userdata;
	int r = take(hook, j), flushed = 0;

	if (r > 0 && (hook->n >= MAX(hook->options->batch, UINT64_C(1)) || ftell(hook->stream) >= (long)BATCH_BYTES))
		flushed = flush(hook);
	return flushed < 0 ? flushed : r;
}

/* These end us, by the kernel's hand, where nothing is half done: they are blocked while a command runs and until its
 * place is saved. */
static void block_ending(struct hook *hook) {
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };

	sigemptyset(&hook->ending);
	for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
		sigaddset(&hook->ending, numbers[i]);
}

static int each_blocked(sd_journal *j, void *userdata) {
	struct hook *hook = userdata;
	int r;

	sigprocmask(SIG_BLOCK, &hook->ending, NULL);
	r = each(j, hook);
	/* A batch that is not full yet is lost with us, and read again by the next start. */
	sigprocmask(SIG_UNBLOCK, &hook->ending, NULL);
	return r;
}

static int flush_blocked(void *userdata) {
	struct hook *hook = userdata;
	int r;

	sigprocmask(SIG_BLOCK, &hook->ending, NULL);
	r = flush(hook);
	sigprocmask(SIG_UNBLOCK, &hook->ending, NULL);
	return r;
}

int verb_hook(const struct options *options, char **arguments, size_t n) {
	_cleanup_(journal_closep) sd_journal *j = NULL;
	_cleanup_free_ char *cursor = NULL;
	_cleanup_free_ char **command = calloc(n + 1, sizeof(*command));
	struct options o = *options;
	struct hook hook = { .options = &o };
	int r;

	if (n == 0) {
		log_error("corewatchctl hook needs a command: corewatchctl hook --state=FILE -- COMMAND [ARGUMENT…]");
		return EXIT_USAGE;
	}
	if (!command)
		return EXIT_FAILURE;
	for (size_t i = 0; i < n; i++)
		command[i] = arguments[i];
	hook.command = command;
	block_ending(&hook);
	if (find_place(&o, &cursor) < 0 || journal_open(&o, NULL, 0, &j) < 0)
		return EXIT_FAILURE;
	r = journal_follow(j, &o, NULL, 0, &(struct journal_visitor){ entry_has_report, each_blocked, &hook },
	                   flush_blocked);
	batch_clear(&hook);
	return r == -ECANCELED ? EXIT_SUCCESS : EXIT_FAILURE;
}
