/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See log.h. One write(2) a line, so that lines of several processes do not mix. The "<N>" prefixes are
 * sd-daemon(3)'s.
 */
#include "util/log.h"

#include <stdarg.h>
#include <sys/stat.h>

#include "util/io.h"
#include "util/parse.h"
#include "util/text.h"

/* Longer lines are cut: everything worth more than that is in a report. */
#define LINE_SIZE 2048

static const char *log_program = "corewatch";
static int log_max_level = LOG_LEVEL_INFO;
static bool log_prefixed;

/*
 * Whether standard error is the stream that systemd names in JOURNAL_STREAM=DEVICE:INODE; the variable alone is
 * inherited by terminals too.
 */
static bool stderr_is_journal(void) {
	const char *stream = getenv("JOURNAL_STREAM");
	char device[24];
	uint64_t dev, inode;
	struct stat st;
	size_t n;

	if (!stream)
		return false;
	n = strcspn(stream, ":");
	if (stream[n] != ':' || n >= sizeof(device))
		return false;
	memcpy(device, stream, n);
	device[n] = 0;
	if (parse_u64(device, &dev) < 0 || parse_u64(stream + n + 1, &inode) < 0)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == inode;
}

void log_setup(const char *program, int max_level) {
	log_program = program;
	log_max_level = max_level;
	log_prefixed = stderr_is_journal();
}

void log_set_max_level(int max_level) {
	log_max_level = max_level;
}

void log_message(int level, const char *format, ...) {
	char raw[LINE_SIZE], clean[LINE_SIZE], line[LINE_SIZE + 128];
	int saved = errno, n;
	va_list ap;

	if (level > log_max_level)
		return;
	va_start(ap, format);
	n = vsnprintf(raw, sizeof(raw), format, ap);
	va_end(ap);
	if (n < 0)
		return;
	text_clean(raw, strlen(raw), clean, sizeof(clean));
	if (log_prefixed)
		n = snprintf(line, sizeof(line), "<%d>%s\n", level, clean);
	else
		n = snprintf(line, sizeof(line), "%.100s: %s\n", log_program, clean);
	if (n > 0)
		(void)write_full(STDERR_FILENO, line, MIN((size_t)n, sizeof(line) - 1));
	errno = saved;
}
