/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatchctl gdb: a debugger on the core of a report, in the thread and the frame that the report speaks of.
 * coredumpctl(1) finds the core, unpacks it and starts the debugger; from us it gets which crash (pid and time, as
 * systemd-coredump wrote them), and commands. A frame is named by its CFA, as debuggers count inlined functions as
 * frames of their own. What comes from the report into those commands is a number here, whatever it was there.
 */
#include "cli/journal.h"
#include "cli/reports.h"
#include "cli/when.h"
#include "report/json.h"
#include "report/location.h"
#include "util/log.h"

#include <inttypes.h>

struct crash {
	int64_t pid, thread; /* thread: 0 unknown */
	uint64_t time;
	uint64_t frame; /* CFA of the frame at the fault; 0: it is the innermost */
	bool is_there;  /* the core */
	char state[32];
};

/* Of a debugger: how it is told to go there. Both have Python, which knows threads by the kernel's ids. */
static const struct {
	const char *name, *thread, *frame;
} debuggers[] = {
	{ "gdb",
	  "-ex 'python [t.switch() for t in gdb.selected_inferior().threads() if t.ptid[1] == %" PRIi64 "]' ",
	  "-ex 'frame address 0x%" PRIx64 "' " },
	{ "lldb",
	  "-o 'script p = lldb.debugger.GetSelectedTarget().GetProcess(); [p.SetSelectedThread(t) for t in p if "
	  "t.GetThreadID() == %" PRIi64 "]' ",
	  "-o 'script t = lldb.debugger.GetSelectedTarget().GetProcess().GetSelectedThread(); "
	  "[t.SetSelectedFrame(f.GetFrameID()) for f in t if f.GetCFA() == 0x%" PRIx64 "][:1]' -o 'frame info' " },
};

static int read_crash(json_object *report, void *userdata) {
	json_object *frames = json_get_array(report, "stack.frames");
	const char *state = json_get_string(report, "core.state") ?: "none", *cfa;
	size_t fault = location_fault_frame(report);
	struct crash *crash = userdata;

	*crash = (struct crash){ .is_there = streq(state, "present") || streq(state, "journal") ||
		                             streq(state, "truncated") };
	snprintf(crash->state, sizeof(crash->state), "%s", state);
	json_get_integer(report, "process.pid", &crash->pid);
	json_get_integer(report, "crash.thread.id", &crash->thread);
	if (!when_parse(json_get_string(report, "time") ?: "", &crash->time))
		crash->time = 0;
	if (fault > 0 && (cfa = json_get_string(json_object_array_get_idx(frames, fault), "cfa")))
		crash->frame = strtoull(cfa, NULL, 16);
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
	for (size_t i = 0; i < ELEMENTSOF(debuggers); i++) {
		if (!str_has_prefix(base, debuggers[i].name))
			continue;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		/* The formats are those of the table. */
		if (crash->thread > 0)
			fprintf(out, debuggers[i].thread, crash->thread);
		if (crash->frame > 0)
			fprintf(out, debuggers[i].frame, crash->frame);
#pragma GCC diagnostic pop
	}
	fputs(further ?: "", out);
	return fclose(out) == 0 ? text : NULL;
}

enum { WORDS_MAX = FILES_MAX + 16 };

static int run_coredumpctl(const struct options *o, const struct crash *crash) {
	const char *debugger = choose_debugger(o);
	_cleanup_free_ char *commands = commands_for(debugger, crash, o->debugger_arguments);
	char *words[WORDS_MAX] = {}, pid[64], time[64];
	size_t n = 0;

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
