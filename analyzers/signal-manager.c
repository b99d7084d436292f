/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the sender of a signal is the service manager that started the program: pid 1, or a user's own. Nothing in
 * siginfo says so of a user's manager. But it tells each process that it starts its own pid (MANAGERPID=), and each
 * that has a watchdog how long that waits (WATCHDOG_USEC=, in microseconds): systemd.exec(5), sd_watchdog_enabled(3). What
 * exec() was given lies at the top of the main stack (fs/exec.c, fs/binfmt_elf.c): a word of zero, the program's
 * name, the environment, the arguments, from the end down. Other variables are passed over unread; a process that has
 * written over them has none.
 */
#include <stdlib.h>
#include <string.h>

#include "signal-decode.h"

/* Of the strings at the top of the stack: an environment has some thousand bytes. */
#define STRINGS_MAX (128u << 10)
#define STEP_BYTES 4096u /* read at once: the core may hold the stack from SP up only */
#define LINE_MAX 64

struct environment {
	bool whole;           /* all of it was seen */
	int64_t manager;      /* -1: none is told */
	const char *at;       /* where */
	int64_t watchdog;     /* microseconds; -1 */
};

static const struct cw_mapping *main_stack(const struct cw_core *core) {
	for (size_t i = core->n_mappings; i-- > 0;)
		if (core->mappings[i].kind == CW_REGION_STACK)
			return &core->mappings[i];
	return NULL;
}

/* A positive number and nothing else. */
static int64_t number(const char *text) {
	char *end;
	long long n = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : -1;

	return n > 0 && n < INT64_MAX && *end == 0 ? n : -1;
}

static void take(const char *line, const char *at, struct environment *e) {
	if (strncmp(line, "MANAGERPID=", 11) == 0) {
		e->manager = number(line + 11);
		e->at = at;
	} else if (strncmp(line, "WATCHDOG_USEC=", 14) == 0)
		e->watchdog = number(line + 14);
}

/* Whether [start, end) of the text is NAME=VALUE; and takes what is asked about. */
static bool variable(const char *start, const char *end, struct environment *e) {
	const char *equals = memchr(start, '=', (size_t)(end - start));
	char line[LINE_MAX];

	if (!equals || equals == start)
		return false;
	if ((size_t)(end - start) < sizeof(line)) {
		memcpy(line, start, (size_t)(end - start));
		line[end - start] = 0;
		take(line, start, e);
	}
	return true;
}

static void read_environment(const struct cw_core *core, const struct cw_mapping *m, char text[static STRINGS_MAX], struct environment *e) {
	size_t have = 0;
	const char *end = text + STRINGS_MAX - core->word_bytes, *start;

	*e = (struct environment){ .manager = -1, .watchdog = -1 };
	while (m && have < STRINGS_MAX && have + STEP_BYTES <= m->end - m->start &&
	       cw_read(core, m->end - have - STEP_BYTES, text + STRINGS_MAX - have - STEP_BYTES, STEP_BYTES) >= 0)
		have += STEP_BYTES;
	for (size_t n = 0; have > 0 && end[-1] == 0; n++) {
		for (start = --end; start > text + STRINGS_MAX - have && start[-1] != 0;)
			start--;
		if (start == text + STRINGS_MAX - have || start == end)
			return;
		/* The first is the program's name. What is no variable is the last argument. */
		if (n > 0 && !variable(start, end, e)) {
			e->whole = n > 1;
			return;
		}
		end = start;
	}
}

bool decode_manager(const struct cw_core *core, const struct cw_signal *signal, struct decode_manager *ret) {
	static char text[STRINGS_MAX];
	const struct cw_mapping *m = main_stack(core);
	struct environment e;

	if (!signal->has_sender || signal->sender_pid <= 0)
		return false;
	read_environment(core, m, text, &e);
	if (signal->sender_pid != 1 && (e.manager != signal->sender_pid || signal->sender_uid != core->uid))
		return false;
	*ret = (struct decode_manager){ .user = signal->sender_pid != 1, .knows_watchdog = e.whole, .watchdog_usec = e.watchdog };
	if (ret->user)
		ret->told_at = m->end - STRINGS_MAX + (uint64_t)(e.at - text);
	return true;
}
