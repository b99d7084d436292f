/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatchctl notify: a desktop notification for each crash of one's own programs, as the service of a user's session
 * (units/corewatch-notify.service.in, off by default). It reads the user's own journal, so it sees what that user may see.
 * Reports are believed by the rules of corewatchctl (cli/trust.h).
 *
 * One cause has one notification, whose count grows. There are SHOW_MOST in a while; what is more is one that counts them.
 * "Open report" writes the page into the session's folder and has xdg-open show it; "Mute" is `corewatchctl mute` for the
 * cause. What is spoken to the server: https://specifications.freedesktop.org/notification-spec
 */
#include <signal.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "cli/journal.h"
#include "cli/mute.h"
#include "cli/notice.h"
#include "cli/notify-open.h"
#include "report/json.h"
#include "report/mute.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"

/* Popups that one can still read: so many at once, and one more after each pause. */
#define SHOW_MOST UINT64_C(5)
#define SHOW_PAUSE (12 * USEC_PER_SEC)
/* The one that counts the rest is renewed so often. */
#define REST_PAUSE (1 * USEC_PER_SEC)
/* Notifications whose buttons still work; the oldest goes first. */
#define REMEMBER_MOST 64
/* An id or a fingerprint in hex. */
#define ID_SIZE 33

#define SERVER "org.freedesktop.Notifications"
#define SERVER_PATH "/org/freedesktop/Notifications"

struct shown {
	uint32_t server_id; /* 0: free */
	char id[ID_SIZE], fingerprint[ID_SIZE];
	uint64_t count;
};

struct notify {
	struct options options;
	char **matches;
	size_t n_matches;
	sd_journal *journal;
	sd_bus *bus;
	sd_event *event;
	sd_event_source *rest_timer;
	bool has_actions, has_markup;
	struct shown shown[REMEMBER_MOST];
	size_t next;          /* to be forgotten */
	uint64_t tokens;      /* popups left */
	uint64_t filled_usec; /* monotonic: when there was one more the last time */
	uint64_t rest;
	uint32_t rest_id;
};

static void notify_done(struct notify *n) {
	sd_event_source_unref(n->rest_timer);
	sd_bus_flush_close_unref(n->bus);
	sd_event_unref(n->event);
	journal_closep(&n->journal);
}

/* ── the server ── */

static void ask_capabilities(struct notify *n) {
	sd_bus_message *reply = NULL;
	const char *word;

	/* None that answers yet: plain text is right everywhere. */
	if (sd_bus_call_method(n->bus, SERVER, SERVER_PATH, SERVER, "GetCapabilities", NULL, &reply, NULL) >= 0 &&
	    sd_bus_message_enter_container(reply, 'a', "s") >= 0)
		while (sd_bus_message_read_basic(reply, 's', &word) > 0) {
			n->has_actions = n->has_actions || streq(word, "actions");
			n->has_markup = n->has_markup || streq(word, "body-markup");
		}
	sd_bus_message_unref(reply);
}

static int fill_message(sd_bus_message *m, uint32_t replaces, const char *title, const char *body, bool actions) {
	int r = sd_bus_message_append(m, "susss", "corewatch", replaces, "dialog-error", title, body);

	if (r >= 0)
		r = actions ? sd_bus_message_append(m, "as", 6, "default", "Open report", "open", "Open report", "mute", "Mute")
		            : sd_bus_message_append(m, "as", 0);
	if (r >= 0)
		r = sd_bus_message_append(m, "a{sv}", 2, "urgency", "y", 1, "category", "s", "x-corewatch.crash");
	/* How long is for the server to say. */
	return r >= 0 ? sd_bus_message_append(m, "i", -1) : r;
}

/* *server_id: the one to replace, or 0; and the one that it has now. Errors are told. */
static int show(struct notify *n, const char *title, const char *body, bool actions, uint32_t *server_id) {
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL, *reply = NULL;
	int r = sd_bus_message_new_method_call(n->bus, &m, SERVER, SERVER_PATH, SERVER, "Notify");

	if (r >= 0)
		r = fill_message(m, *server_id, title, body, actions && n->has_actions);
	if (r >= 0)
		r = sd_bus_call(n->bus, m, 0, &error, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "u", server_id);
	if (r < 0)
		log_warning("cannot show a notification: %s", error.message ?: strerror(-r));
	sd_bus_message_unref(m);
	sd_bus_message_unref(reply);
	sd_bus_error_free(&error);
	return r;
}

/* ── limits ── */

static bool take_token(struct notify *n) {
	uint64_t now = clock_usec(CLOCK_MONOTONIC), more = (now - n->filled_usec) / SHOW_PAUSE;

	n->tokens = MIN(n->tokens + more, SHOW_MOST);
	n->filled_usec += more * SHOW_PAUSE;
	if (n->tokens == 0)
		return false;
	/* Back to one by one: what comes from now on is counted anew. */
	n->tokens--;
	return true;
}

static int on_rest_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
	_cleanup_free_ char *title = NULL, *body = NULL;
	struct notify *n = userdata;

	if (notice_of_rest(n->rest, &title, &body) >= 0)
		show(n, title, body, false, &n->rest_id);
	return 0;
}

/* Not shown, but counted, in a notification that is renewed once in a while. */
static void count_rest(struct notify *n) {
	int enabled = SD_EVENT_OFF;

	n->rest++;
	if (n->rest_timer)
		sd_event_source_get_enabled(n->rest_timer, &enabled);
	if (enabled != SD_EVENT_OFF)
		return;
	if (n->rest_timer)
		sd_event_source_set_time_relative(n->rest_timer, REST_PAUSE);
	else
		sd_event_add_time_relative(n->event, &n->rest_timer, CLOCK_MONOTONIC, REST_PAUSE, 0, on_rest_timer, n);
	if (n->rest_timer)
		sd_event_source_set_enabled(n->rest_timer, SD_EVENT_ONESHOT);
}

/* ── reports ── */

static struct shown *find_cause(struct notify *n, const char *fingerprint) {
	for (size_t i = 0; i < REMEMBER_MOST; i++)
		if (n->shown[i].server_id != 0 && *fingerprint && streq(n->shown[i].fingerprint, fingerprint))
			return &n->shown[i];
	return NULL;
}

static struct shown *find_server_id(struct notify *n, uint32_t id) {
	for (size_t i = 0; i < REMEMBER_MOST; i++)
		if (n->shown[i].server_id != 0 && n->shown[i].server_id == id)
			return &n->shown[i];
	return NULL;
}

/* Hex and of the right length, or "": it becomes a file's name, and a match. */
static void copy_id(const char *s, char ret[static ID_SIZE]) {
	bool good = s && strlen(s) == ID_SIZE - 1 && is_hex(s, ID_SIZE - 1);

	memcpy(ret, good ? s : "", good ? ID_SIZE : 1);
}

static int on_report(sd_journal *j, void *userdata) {
	_cleanup_json_ json_object *report = NULL;
	_cleanup_free_ char *title = NULL, *body = NULL;
	struct notify *n = userdata;
	struct shown shown = { .count = 1 }, *cause;
	int r = entry_report(j, &n->options, true, &report);

	if (r < 0)
		return r == -EBADMSG || r == -EFBIG ? 0 : r;
	/* An update tells of a crash that was told already. */
	if (json_get(report, "revision"))
		return 0;
	if (!take_token(n)) {
		count_rest(n);
		return 1;
	}
	n->rest = 0;
	copy_id(json_get_string(report, "report_id"), shown.id);
	copy_id(json_get_string(report, "fingerprint.id"), shown.fingerprint);
	cause = find_cause(n, shown.fingerprint);
	if (cause) {
		shown.count = cause->count + 1;
		shown.server_id = cause->server_id;
	}
	r = notice_of_report(report, n->has_markup, shown.count, &title, &body);
	if (r < 0)
		return r;
	if (show(n, title, body, *shown.id, &shown.server_id) < 0)
		return 1;
	if (!cause) {
		cause = &n->shown[n->next];
		n->next = (n->next + 1) % REMEMBER_MOST;
	}
	*cause = shown;
	return 1;
}

static int read_on(struct notify *n, int r) {
	while (r > 0) {
		r = on_report(n->journal, n);
		if (r >= 0)
			r = journal_next(n->journal, &n->options, n->matches, n->n_matches);
	}
	if (r < 0) {
		log_error("cannot go on following the journal: %s", strerror(-r));
		sd_event_exit(n->event, EXIT_FAILURE);
	}
	return r;
}

static int on_journal(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_, void *userdata) {
	struct notify *n = userdata;
	int r = sd_journal_process(n->journal);

	return read_on(n, r < 0 ? r : journal_next(n->journal, &n->options, n->matches, n->n_matches));
}

/* ── buttons ── */

static void mute(struct notify *n, struct shown *shown) {
	_cleanup_free_ char *title = NULL, *body = NULL;
	int r = *shown->fingerprint ? mute_send(shown->fingerprint, MUTE_FOREVER) : -ENODATA;

	if (r < 0)
		log_warning("cannot mute: %s", strerror(-r));
	else if (notice_of_mute(shown->fingerprint, &title, &body) >= 0)
		show(n, title, body, false, &shown->server_id);
}

static int on_action(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
	struct notify *n = userdata;
	struct shown *shown;
	const char *key;
	uint32_t id;

	if (sd_bus_message_read(m, "us", &id, &key) < 0 || !(shown = find_server_id(n, id)))
		return 0;
	if (streq(key, "default") || streq(key, "open"))
		notify_open(&n->options, shown->id);
	else if (streq(key, "mute"))
		mute(n, shown);
	return 0;
}

static int on_closed(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
	struct notify *n = userdata;
	struct shown *shown;
	uint32_t id, why;

	if (sd_bus_message_read(m, "uu", &id, &why) < 0)
		return 0;
	if ((shown = find_server_id(n, id)))
		*shown = (struct shown){};
	if (id == n->rest_id)
		n->rest_id = 0;
	return 0;
}

/* ── the start ── */

static int on_disconnected(sd_bus_message *m _unused_, void *userdata, sd_bus_error *error _unused_) {
	struct notify *n = userdata;

	return sd_event_exit(n->event, EXIT_SUCCESS);
}

static int connect_bus(struct notify *n) {
	int r = sd_bus_open_user(&n->bus);

	if (r >= 0)
		r = sd_bus_match_signal(n->bus, NULL, SERVER, SERVER_PATH, SERVER, "ActionInvoked", on_action, n);
	if (r >= 0)
		r = sd_bus_match_signal(n->bus, NULL, SERVER, SERVER_PATH, SERVER, "NotificationClosed", on_closed, n);
	/* The session is over. */
	if (r >= 0)
		r = sd_bus_match_signal(n->bus, NULL, "org.freedesktop.DBus.Local", NULL, "org.freedesktop.DBus.Local",
		                        "Disconnected", on_disconnected, n);
	if (r >= 0)
		r = sd_bus_attach_event(n->bus, n->event, SD_EVENT_PRIORITY_NORMAL);
	if (r < 0)
		log_error("cannot speak to the session's bus: %s", strerror(-r));
	else
		ask_capabilities(n);
	return r;
}

static int begin(struct notify *n) {
	int r, fd;

	r = journal_open(&n->options, n->matches, n->n_matches, &n->journal);
	if (r < 0)
		return r;
	fd = sd_journal_get_fd(n->journal);
	r = fd < 0 ? fd : sd_event_add_io(n->event, NULL, fd, (uint32_t)sd_journal_get_events(n->journal), on_journal, n);
	if (r >= 0)
		r = journal_begin(n->journal, &n->options, n->matches, n->n_matches, NULL);
	if (r < 0) {
		log_error("cannot follow the journal: %s", strerror(-r));
		return r;
	}
	sd_notify(0, "READY=1");
	return read_on(n, r > 0 ? r : journal_next(n->journal, &n->options, n->matches, n->n_matches));
}

int verb_notify(const struct options *options, char **matches, size_t n_matches) {
	_cleanup_(notify_done) struct notify n = { .options = *options, .matches = matches, .n_matches = n_matches,
		                                   .tokens = SHOW_MOST, .filled_usec = clock_usec(CLOCK_MONOTONIC) };
	int r = sd_event_default(&n.event);

	n.options.own = !options->directory && options->n_files == 0;
	/* Nobody waits for xdg-open. */
	signal(SIGCHLD, SIG_IGN);
	if (r < 0 || connect_bus(&n) < 0 || begin(&n) < 0)
		return EXIT_FAILURE;
	r = sd_event_loop(n.event);
	return r < 0 ? EXIT_FAILURE : r;
}
