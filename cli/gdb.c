/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatchctl gdb: a debugger on the core of a report, in the thread and the frame that the report speaks of.
 * coredumpctl(1) finds the core, unpacks it and starts the debugger; from us it gets which crash (pid and time, as
 * systemd-coredump wrote them), and commands. gdb names a frame by its CFA and a thread by the kernel's id. lldb has
 * neither without its Python, which not every lldb comes with: there the crashed thread is the one that a core begins
 * with, and frames are counted, inlined ones as well. What comes from the report into those commands is a number here,
 * whatever it was there.
 *
 * coredumpctl takes the newest entry that matches, whoever sent it, and any user may send one with the process id and
 * the time of another's crash, and a program and a core of his own: so it is told which senders it may believe.
 */
#include "cli/journal.h"
#include "cli/reports.h"
#include "cli/when.h"
#include "report/json.h"
#include "report/location.h"
#include "util/log.h"

#include <inttypes.h>
#include <pwd.h>

struct crash {
	int64_t pid, thread; /* thread: 0 unknown */
	int64_t uid;         /* or -1 */
	uint64_t time;
	uint64_t cfa;   /* of the frame at the fault; 0: it is the innermost */
	uint64_t index; /* its number among all frames and inlined functions */
	bool is_there;  /* the core */
	char state[32];
};

static void go_with_gdb(const struct crash *crash, FILE *out) {
	if (crash->thread > 0)
		fprintf(out,
		        "-ex 'python [t.switch() for t in gdb.selected_inferior().threads() if t.ptid[1] == %" PRIi64
		        "]' ",
		        crash->thread);
	if (crash->cfa > 0)
		fprintf(out, "-ex 'frame address 0x%" PRIx64 "' ", crash->cfa);
}

static void go_with_lldb(const struct crash *crash, FILE *out) {
	if (crash->index > 0)
		fprintf(out, "-o 'frame select %" PRIu64 "' ", crash->index);
}

static const struct {
	const char *name; /* what the program's name begins with */
	void (*go)(const struct crash *crash, FILE *out);
} debuggers[] = { { "gdb", go_with_gdb }, { "lldb", go_with_lldb } };

/* Of a handler's frames no two are folded, but a hostile report may say so. */
static uint64_t index_of(json_object *frames, size_t fault) {
	uint64_t sum = 0;

	for (size_t i = 0; i < fault; i++)
		sum += 1 + json_get_count(json_object_array_get_idx(frames, i), "inlined");
	return sum;
}

static int read_crash(json_object *report, void *userdata) {
	json_object *frames = json_get_array(report, "stack.frames");
	const char *state = json_get_string(report, "core.state") ?: "none", *cfa;
	size_t fault = location_fault_frame(report);
	struct crash *crash = userdata;

	*crash = (struct crash){ .uid = -1,
		                 .is_there = streq(state, "present") || streq(state, "journal") ||
		                             streq(state, "truncated") };
	snprintf(crash->state, sizeof(crash->state), "%s", state);
	json_get_integer(report, "process.pid", &crash->pid);
	json_get_integer(report, "process.user.id", &crash->uid);
	json_get_integer(report, "crash.thread.id", &crash->thread);
	if (!when_parse(json_get_string(report, "time") ?: "", &crash->time))
		crash->time = 0;
	crash->index = index_of(frames, fault);
	if (fault > 0 && (cfa = json_get_string(json_object_array_get_idx(frames, fault), "cfa")))
		crash->cfa = strtoull(cfa, NULL, 16);
	return 0;
}

static bool is_in_path(const char *name) {
	_cleanup_free_ char *path = strdup(getenv("PATH") ?: "/usr/bin:/bin");
	char *save = NULL, file[4096];

	for (char *p = path ? strtok_r(path, ":", &save) : NULL; p; p = strtok_r(NULL, ":", &save)) {
		snprintf(file, sizeof(file), "%s/%s", p, name);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static const char *choose_debugger(const struct options *o) {
	const char *wanted = o->debugger ?: getenv("SYSTEMD_DEBUGGER");

	if (wanted && *wanted)
		return wanted;
	return !is_in_path("gdb") && is_in_path("lldb") ? "lldb" : "gdb";
}

/* What the debugger is to be told, as one word that coredumpctl splits as a shell would. */
static char *commands_for(const char *debugger, const struct crash *crash, const char *further) {
	const char *base = location_base_name(debugger);
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	for (size_t i = 0; i < ELEMENTSOF(debuggers); i++)
		if (str_has_prefix(base, debuggers[i].name))
			debuggers[i].go(crash, out);
	fputs(further ?: "", out);
	return fclose(out) == 0 ? text : NULL;
}

enum { SENDERS_MAX = 3, WORDS_MAX = FILES_MAX + 16 + SENDERS_MAX };

/*
 * Matches for the senders of genuine entries: root, systemd-coredump, the owner. The number of systemd-coredump on
 * another machine is not known here.
 */
static size_t name_senders(const struct options *o, const struct crash *crash, char (*ret)[32]) {
	const struct passwd *user = getpwnam("systemd-coredump");
	size_t n = 0;

	if (o->directory || o->root || o->n_files > 0 || crash->uid < 0)
		return 0;
	snprintf(ret[n++], sizeof(*ret), "_UID=0");
	if (user)
		snprintf(ret[n++], sizeof(*ret), "_UID=%u", (unsigned)user->pw_uid);
	snprintf(ret[n++], sizeof(*ret), "_UID=%" PRIi64, crash->uid);
	return n;
}

static int run_coredumpctl(const struct options *o, const struct crash *crash) {
	const char *debugger = choose_debugger(o);
	_cleanup_free_ char *commands = commands_for(debugger, crash, o->debugger_arguments);
	char *words[WORDS_MAX] = {}, pid[64], time[64], senders[SENDERS_MAX][32];
	size_t n = 0, n_senders = name_senders(o, crash, senders);

	snprintf(pid, sizeof(pid), "COREDUMP_PID=%" PRIi64, crash->pid);
	snprintf(time, sizeof(time), "COREDUMP_TIMESTAMP=%" PRIu64, crash->time);
	words[n++] = (char *)"coredumpctl";
	words[n++] = (char *)"debug";
	words[n++] = (char *)"--debugger";
	words[n++] = (char *)debugger;
	if (commands && *commands) {
		words[n++] = (char *)"--debugger-arguments";
		words[n++] = commands;
	}
	if (o->directory || o->root) {
		words[n++] = (char *)(o->directory ? "--directory" : "--root");
		words[n++] = (char *)(o->directory ?: o->root);
	}
	for (size_t i = 0; i < o->n_files; i++) {
		words[n++] = (char *)"--file";
		words[n++] = (char *)o->files[i];
	}
	if (o->quiet)
		words[n++] = (char *)"--quiet";
	words[n++] = pid;
	words[n++] = time;
	for (size_t i = 0; i < n_senders; i++)
		words[n++] = senders[i];
	fflush(NULL);
	execvp(words[0], words);
	log_error("cannot start coredumpctl: %s%s", strerror(errno),
	          errno == ENOENT ? "; install systemd-coredump" : "");
	return EXIT_FAILURE;
}

int verb_gdb(const struct options *o, char **matches, size_t n) {
	struct options last = *o;
	struct crash crash = {};
	int64_t count;

	last.one = true;
	count = reports_each(&last, matches, n, read_crash, &crash);
	if (count <= 0) {
		if (count == 0)
			journal_tell_nothing(o);
		return EXIT_FAILURE;
	}
	if (!crash.is_there) {
		log_error("the core of process %" PRIi64 " is not there any more, or never was: its state is \"%s\".",
		          crash.pid, crash.state);
		return EXIT_FAILURE;
	}
	if (crash.pid <= 0 || crash.time == 0) {
		log_error("the report does not say which process crashed when, so coredumpctl cannot find its core.");
		return EXIT_FAILURE;
	}
	return run_coredumpctl(o, &crash);
}
