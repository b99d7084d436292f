/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See terminal.h. Variables as systemd's tools read them: SYSTEMD_PAGER, PAGER, SYSTEMD_LESS, SYSTEMD_COLORS, NO_COLOR,
 * TERM, COLUMNS. */
#include "cli/terminal.h"

#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "util/log.h"
#include "util/parse.h"

#define WIDTH_DEFAULT 100
#define WIDTH_MOST 1000

static bool wants_color(bool is_terminal) {
	const char *colors = getenv("SYSTEMD_COLORS"), *none = getenv("NO_COLOR"), *term = getenv("TERM");
	bool on;

	if (colors && *colors) {
		if (parse_bool(colors, &on) >= 0)
			return on;
		return streq(colors, "16") || streq(colors, "256") || streq(colors, "true-color") ||
		       str_has_prefix(colors, "auto-");
	}
	if (none && *none)
		return false;
	return is_terminal && !(term && streq(term, "dumb"));
}

static unsigned width_of(bool is_terminal) {
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint32_t v;

	if (columns && parse_u32(columns, &v) >= 0 && v > 0)
		return MIN(v, (uint32_t)WIDTH_MOST);
	if (is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0 && size.ws_col > 0)
		return MIN(size.ws_col, (unsigned short)WIDTH_MOST);
	return WIDTH_DEFAULT;
}

/* NULL: none wanted. */
static const char *pager_command(void) {
	static const char *const names[] = { "SYSTEMD_PAGER", "PAGER" };

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		const char *value = getenv(names[i]);

		if (value)
			return *value && !streq(value, "cat") ? value : NULL;
	}
	return "less";
}

/* In the child: never returns. */
static void run_pager(const char *command, int in) {
	const char *less = getenv("SYSTEMD_LESS");

	if (dup2(in, STDIN_FILENO) < 0)
		_exit(EXIT_FAILURE);
	/* F: leave if it fits a screen; R: colours; S: cut long lines; X: leave the text; M, K: prompt, and leave on
	 * Ctrl-C. */
	setenv("LESS", less && *less ? less : "FRSXMK", 1);
	/* Somebody's root shell by way of sudo should not be reachable from a report. */
	if (geteuid() == 0 && getenv("SUDO_UID"))
		setenv("LESSSECURE", "1", 1);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

static pid_t start_pager(void) {
	const char *command = pager_command();
	int fds[2];
	pid_t pid;

	if (!command || pipe2(fds, O_CLOEXEC) < 0)
		return 0;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_pager(command, fds[0]);
	close(fds[0]);
	if (pid > 0 && dup2(fds[1], STDOUT_FILENO) < 0) {
		/* Nothing will come: the pager sees the end of its input. */
		close(fds[1]);
		waitpid(pid, NULL, 0);
		return 0;
	}
	close(fds[1]);
	return MAX(pid, 0);
}

void terminal_open(struct terminal *ret, bool pager) {
	bool is_terminal = isatty(STDOUT_FILENO) > 0;

	setlocale(LC_CTYPE, "");
	*ret = (struct terminal){
		.is_terminal = is_terminal,
		.paint = {
			.out = stdout,
			.style = {
				.color = wants_color(is_terminal),
				.utf8 = streq(nl_langinfo(CODESET), "UTF-8"),
				.width = width_of(is_terminal),
			},
		},
	};
	/* A pager that was left early, or `| head`, is no error: writes fail with EPIPE and the program goes on to its
	 * end. */
	signal(SIGPIPE, SIG_IGN);
	if (pager && is_terminal)
		ret->pager = start_pager();
}

bool terminal_reader_is_gone(void) {
	struct pollfd output = { .fd = STDOUT_FILENO };

	return poll(&output, 1, 0) > 0 && (output.revents & POLLERR);
}

int terminal_close(struct terminal *terminal) {
	bool failed = fflush(stdout) != 0 && errno != EPIPE;

	if (failed)
		log_error("cannot write: %s", strerror(errno));
	if (terminal->pager > 0) {
		/* The pager's end of file. */
		close(STDOUT_FILENO);
		while (waitpid(terminal->pager, NULL, 0) < 0 && errno == EINTR)
			;
		terminal->pager = 0;
	}
	return failed ? -EIO : 0;
}
