/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See corefile.h. Names and attributes: systemd's src/coredump/coredump.c, save_external_coredump() and fix_xattr(). */
#include "cli/corefile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "util/log.h"
#include "util/parse.h"

static int hex_digit(char c) {
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes "\x2e" for bytes that a file name's part cannot have. */
static void unescape(const char *s, size_t length, char *buffer, size_t size) {
	size_t k = 0;

	for (size_t i = 0; i < length && k + 1 < size; i++) {
		if (i + 3 < length && s[i] == '\\' && s[i + 1] == 'x' && hex_digit(s[i + 2]) >= 0 &&
		    hex_digit(s[i + 3]) >= 0) {
			buffer[k++] = (char)(hex_digit(s[i + 2]) << 4 | hex_digit(s[i + 3]));
			i += 3;
		} else
			buffer[k++] = s[i];
	}
	buffer[k] = 0;
}

static bool is_packing(const char *suffix) {
	static const char *const suffixes[] = { "", ".zst", ".lz4", ".xz" };

	for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
		if (streq(suffix, suffixes[i]))
			return true;
	return false;
}

bool corefile_parse_name(const char *name, struct corefile *core) {
	enum { CORE, COMM, UID, BOOT, PID, USEC, N_PARTS };
	char parts[N_PARTS][256];
	uint64_t usec;
	uint32_t uid;
	int32_t pid;
	const char *p = name;

	for (size_t i = 0; i < N_PARTS; i++) {
		size_t n = strcspn(p, ".");

		if (n == 0 || n >= sizeof(parts[i]) || (i < USEC && p[n] != '.'))
			return false;
		memcpy(parts[i], p, n);
		parts[i][n] = 0;
		p += n + (i < USEC ? 1 : 0);
	}
	if (!streq(parts[CORE], "core") || !is_packing(p) || strlen(parts[BOOT]) != 32 || !is_hex(parts[BOOT], 32) ||
	    parse_uid(parts[UID], &uid) < 0 || parse_pid(parts[PID], &pid) < 0 || parse_u64(parts[USEC], &usec) < 0)
		return false;
	unescape(parts[COMM], strlen(parts[COMM]), core->command, sizeof(core->command));
	snprintf(core->boot_id, sizeof(core->boot_id), "%.32s", parts[BOOT]);
	core->input.command = core->command;
	core->input.boot_id = core->boot_id;
	core->input.has_uid = true;
	core->input.uid = uid;
	core->input.pid = pid;
	core->input.has_time = true;
	core->input.time_usec = usec;
	return true;
}

/* "" if there is no such attribute, or it is too long to be one of these. */
static const char *attribute(int fd, const char *name, char *buffer, size_t size) {
	char full[64];
	ssize_t n;

	snprintf(full, sizeof(full), "user.coredump.%s", name);
	n = fgetxattr(fd, full, buffer, size - 1);
	buffer[MAX(n, (ssize_t)0)] = 0;
	return buffer;
}

static void read_attributes(struct corefile *core) {
	char buffer[64];
	uint32_t number;

	if (parse_pid(attribute(core->fd, "pid", buffer, sizeof(buffer)), &core->input.pid) < 0)
		return;
	if (parse_uid(attribute(core->fd, "uid", buffer, sizeof(buffer)), &core->input.uid) >= 0)
		core->input.has_uid = true;
	if (parse_u64(attribute(core->fd, "timestamp", buffer, sizeof(buffer)), &core->input.time_usec) >= 0)
		core->input.has_time = true;
	if (parse_u32(attribute(core->fd, "signal", buffer, sizeof(buffer)), &number) >= 0 && number <= 64)
		core->input.signal = (int)number;
	if (*attribute(core->fd, "comm", core->command, sizeof(core->command)))
		core->input.command = core->command;
	if (*attribute(core->fd, "exe", core->executable, sizeof(core->executable)))
		core->input.executable = core->executable;
	if (*attribute(core->fd, "hostname", core->host_name, sizeof(core->host_name)))
		core->input.host_name = core->host_name;
}

static uint64_t realtime_of(const struct timespec *ts) {
	return ts->tv_sec > 0 ? (uint64_t)ts->tv_sec * USEC_PER_SEC + (uint64_t)ts->tv_nsec / 1000 : 0;
}

/* The one line for a file that cannot be a core. */
static int refuse(const char *name, const struct stat *st) {
	if (S_ISDIR(st->st_mode))
		log_error("%s is a folder, not a core file", name);
	else if (!S_ISREG(st->st_mode))
		log_error("%s is not a regular file; to analyse what comes through a pipe, give - and redirect "
		          "standard input",
		          name);
	else
		log_error("%s is empty; the process may have had a core size limit (ulimit -c)", name);
	return -EINVAL;
}

static int open_named(const char *name, struct corefile *core) {
	const char *slash = strrchr(name, '/');
	struct stat st;
	int r;

	/* Not to hang on a FIFO, nor to make a terminal ours. For regular files O_NONBLOCK means nothing. */
	core->fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (core->fd < 0 || fstat(core->fd, &st) < 0) {
		r = -errno;
		log_error("cannot open %s: %s%s", name, strerror(-r),
		          r == -EACCES && geteuid() != 0 ? " (cores of other users are readable by root only)" : "");
		return r;
	}
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return refuse(name, &st);
	core->path = realpath(name, NULL);
	if (!core->path && !(core->path = strdup(name)))
		return -ENOMEM;
	core->input.core_path = core->path;
	core->input.has_core_bytes = true;
	core->input.core_bytes = (uint64_t)st.st_size;
	corefile_parse_name(slash ? slash + 1 : name, core);
	read_attributes(core);
	if (!core->input.has_time) {
		core->input.has_time = true;
		core->input.time_usec = realtime_of(&st.st_mtim);
	}
	return 0;
}

static int open_stdin(struct corefile *core) {
	struct timespec now;

	if (isatty(STDIN_FILENO)) {
		log_error(
			"standard input is a terminal: redirect a core into it, as in `corewatchctl analyze - < core`");
		return -EINVAL;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	core->is_stdin = true;
	core->fd = STDIN_FILENO;
	core->input.has_time = true;
	core->input.time_usec = realtime_of(&now);
	return 0;
}

int corefile_open(const char *name, struct corefile *core) {
	int r;

	*core = (struct corefile){ .fd = -EBADF, .input = { .core_state = "present" } };
	r = streq(name, "-") ? open_stdin(core) : open_named(name, core);
	if (r < 0)
		corefile_done(core);
	return r;
}

void corefile_done(struct corefile *core) {
	if (!core->is_stdin)
		closep(&core->fd);
	free(core->path);
	core->path = NULL;
	core->fd = -EBADF;
}
