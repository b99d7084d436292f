/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See config.h. inih splits lines into section, key and value. What it does that systemd.syntax(7) does not is kept
 * from it by our own line reader: a line that begins with blanks would go on with the value above, a longer line than
 * its buffer would be read as two, and only the first bad line would be told. The reader also knows the line number,
 * which inih's callback does not.
 */
#include "util/config.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "util/parse.h"

/* More drop-ins than that is a mistake, and they are read by a daemon that must not run out of memory. */
#define DROP_INS_MAX 1024
/* inih cuts longer section names and keys without a word (MAX_SECTION, MAX_NAME in ini.c). */
#define NAME_MAX_INIH 49

struct reading {
	const char *path;
	FILE *file;
	char *line;
	size_t line_size;
	unsigned number;
	const struct config_item *items;
	size_t n_items;
	const uint64_t *defaults; /* one per item: what base held before anything was read; for "Key=" */
	char *base;
	config_complain complain;
	void *userdata;
	int error; /* -ENOMEM once memory has ended: then nothing of it may be used */
};

static void tell(const struct reading *reading, const char *format, ...) _printf_(2, 3);
static void tell(const struct reading *reading, const char *format, ...) {
	char message[512];
	va_list ap;

	if (!reading->complain)
		return;
	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	reading->complain(reading->path, reading->number, message, reading->userdata);
}

/*
 * Bytes of the targets that an empty value resets to what they were before any file; 0 for those whose parser does it
 * itself.
 */
static size_t scalar_size(const struct config_item *item) {
	static const struct {
		int (*parse)(const char *, const char *, const char *, void *, const void *);
		size_t size;
	} scalars[] = {
		{ config_parse_bool, sizeof(bool) },
		{ config_parse_time, sizeof(uint64_t) },
		{ config_parse_size, sizeof(uint64_t) },
		{ config_parse_unsigned, sizeof(unsigned) },
	};

	for (size_t i = 0; i < ELEMENTSOF(scalars); i++)
		if (item->parse == scalars[i].parse)
			return scalars[i].size;
	return MIN(item->scalar, sizeof(uint64_t));
}

static uint64_t *save_defaults(const struct config_item *items, size_t n_items, const void *base) {
	uint64_t *defaults = calloc(n_items + 1, sizeof(*defaults));

	for (size_t i = 0; defaults && i < n_items; i++)
		memcpy(&defaults[i], (const char *)base + items[i].offset, scalar_size(&items[i]));
	return defaults;
}

/* Whether the trimmed line is one that inih can take; the others are told here, one by one. */
static bool line_is_good(const struct reading *reading, const char *line, size_t room) {
	size_t length = strlen(line);

	if (length >= room) {
		tell(reading, "line of %zu bytes is too long (at most %zu), ignoring it", length, room - 1);
		return false;
	}
	if (*line == '[') {
		size_t name = strcspn(line + 1, "]");
		if (line[1 + name] != ']')
			tell(reading, "section without \"]\", ignoring the line");
		else if (name > NAME_MAX_INIH)
			tell(reading, "section name is too long (at most %d bytes), ignoring the line", NAME_MAX_INIH);
		else
			return true;
		return false;
	}
	if (!*line || *line == ';' || *line == '#')
		return true;
	if (strcspn(line, "=") == length) {
		tell(reading, "neither \"[Section]\" nor \"Key=value\", ignoring the line");
		return false;
	}
	if (strcspn(line, "=") > NAME_MAX_INIH) {
		tell(reading, "key is too long (at most %d bytes), ignoring the line", NAME_MAX_INIH);
		return false;
	}
	return true;
}

/* fgets() for inih. */
static char *read_line(char *buffer, int size, void *stream) {
	struct reading *reading = stream;
	ssize_t n;
	char *s;

	errno = 0;
	n = getline(&reading->line, &reading->line_size, reading->file);
	s = reading->line;
	if (n < 0) {
		/* Not the end, though it looks like that. */
		if (errno == ENOMEM)
			reading->error = -ENOMEM;
		return NULL;
	}
	reading->number++;
	*buffer = 0;
	if (strlen(s) != (size_t)n) {
		tell(reading, "line holds a NUL byte, ignoring it");
		return buffer;
	}
	if (reading->number == 1 && str_has_prefix(s, "\xef\xbb\xbf"))
		s += 3;
	while (n > s - reading->line && isspace((unsigned char)reading->line[n - 1]))
		reading->line[--n] = 0;
	while (isspace((unsigned char)*s))
		s++;
	if (size > 1 && line_is_good(reading, s, (size_t)size))
		memcpy(buffer, s, strlen(s) + 1);
	return buffer;
}

static int assign(void *userdata, const char *section, const char *key, const char *value) {
	struct reading *reading = userdata;
	bool section_known = false;

	for (size_t i = 0; i < reading->n_items; i++) {
		const struct config_item *item = &reading->items[i];
		void *target = reading->base + item->offset;
		size_t scalar = scalar_size(item);
		int r;

		if (fnmatch(item->section, section, 0) != 0)
			continue;
		section_known = true;
		if (!streq(item->key, "*") && !streq(item->key, key))
			continue;
		if (!*value && scalar > 0) {
			memcpy(target, &reading->defaults[i], scalar);
			return 1;
		}
		r = item->parse(section, key, value, target, item->data);
		if (r == -ENOMEM)
			reading->error = r;
		else if (r < 0 && item->help)
			tell(reading, "bad value \"%.100s\" for %s= (wanted: %s), ignoring it", value, key, item->help);
		else if (r < 0)
			tell(reading, "bad value \"%.100s\" for %s=: %s, ignoring it", value, key, strerror(-r));
		return 1;
	}
	if (section_known)
		tell(reading, "unknown key \"%s\" in [%s], ignoring it", key, section);
	else if (!*section)
		tell(reading, "\"%s=\" stands before the first [Section], ignoring it", key);
	else
		tell(reading, "unknown section [%s], ignoring \"%s=\"", section, key);
	return 1;
}

static int read_one(const char *path, struct reading *reading) {
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_free_ char *line = NULL;
	struct stat st;

	file = fopen(path, "re");
	if (!file)
		return -errno;
	if (fstat(fileno(file), &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	reading->path = path;
	reading->file = file;
	reading->line = NULL;
	reading->line_size = 0;
	reading->number = 0;
	(void)ini_parse_stream(read_line, reading, assign, reading);
	line = reading->line;
	if (reading->error < 0)
		return reading->error;
	return ferror(file) ? -EIO : 0;
}

int config_read_file(const char *path, const struct config_item *items, size_t n_items, void *base,
                     config_complain complain, void *userdata) {
	_cleanup_free_ uint64_t *defaults = save_defaults(items, n_items, base);
	struct reading reading = { .items = items, .n_items = n_items, .defaults = defaults, .base = base,
		                   .complain = complain, .userdata = userdata };

	return defaults ? read_one(path, &reading) : -ENOMEM;
}

/* In the order in which they mask each other. */
static const char *const folders[] = { "/etc/corewatch", "/run/corewatch", "/usr/lib/corewatch" };

struct drop_in {
	char *name;
	unsigned folder;
};

struct drop_ins {
	struct drop_in items[DROP_INS_MAX];
	size_t n;
};

static void drop_ins_free(struct drop_ins *list) {
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i].name);
	free(list);
}
DEFINE_CLEANUP(struct drop_ins *, drop_ins_free);

static int compare_drop_ins(const void *a, const void *b) {
	return strcmp(((const struct drop_in *)a)->name, ((const struct drop_in *)b)->name);
}

static void closedirp(DIR **dir) {
	if (*dir)
		closedir(*dir);
}

/* Adds the *.conf of one folder whose names no earlier folder had. */
static int collect(const char *path, unsigned folder, struct drop_ins *list) {
	_cleanup_(closedirp) DIR *dir = opendir(path);
	size_t before = list->n;

	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		bool masked = *entry->d_name == '.' || !str_has_suffix(entry->d_name, ".conf");

		for (size_t i = 0; !masked && i < before; i++)
			masked = streq(list->items[i].name, entry->d_name);
		if (masked)
			continue;
		if (list->n >= DROP_INS_MAX)
			return -E2BIG;
		list->items[list->n] = (struct drop_in){ strdup(entry->d_name), folder };
		if (!list->items[list->n].name)
			return -ENOMEM;
		list->n++;
	}
	return 0;
}

/* The first of the three folders' main file. 0 too if there is none. */
static int read_main(const char *root, const char *name, struct reading *reading) {
	for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
		char path[PATH_MAX];
		int r;

		if (snprintf(path, sizeof(path), "%s%s/%s", root, folders[i], name) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		r = read_one(path, reading);
		if (r == -ENOENT)
			continue;
		if (r < 0) {
			reading->path = path;
			reading->number = 0;
			tell(reading, "cannot be read: %s", strerror(-r));
		}
		return r;
	}
	return 0;
}

/* The first error, but for a lack of memory: after any other the rest is good for use. */
static int worse(int a, int b) {
	return a == 0 || b == -ENOMEM ? b : a;
}

int config_read(const char *root, const char *name, const struct config_item *items, size_t n_items, void *base,
                config_complain complain, void *userdata) {
	_cleanup_(drop_ins_freep) struct drop_ins *list = calloc(1, sizeof(*list));
	_cleanup_free_ uint64_t *defaults = save_defaults(items, n_items, base);
	struct reading reading = { .items = items, .n_items = n_items, .defaults = defaults, .base = base,
		                   .complain = complain, .userdata = userdata };
	char path[PATH_MAX];
	int r, worst;

	if (!defaults || !list)
		return -ENOMEM;
	worst = read_main(root, name, &reading);
	for (unsigned i = 0; i < ELEMENTSOF(folders); i++) {
		snprintf(path, sizeof(path), "%s%s/%s.d", root, folders[i], name);
		r = collect(path, i, list);
		if (r < 0) {
			reading.path = path;
			reading.number = 0;
			tell(&reading, "cannot be listed: %s", strerror(-r));
			worst = worse(worst, r);
		}
	}
	qsort(list->items, list->n, sizeof(list->items[0]), compare_drop_ins);
	for (size_t i = 0; i < list->n; i++) {
		snprintf(path, sizeof(path), "%s%s/%s.d/%s", root, folders[list->items[i].folder], name,
		         list->items[i].name);
		r = read_one(path, &reading);
		if (r < 0) {
			reading.path = path;
			reading.number = 0;
			tell(&reading, "cannot be read: %s", strerror(-r));
			worst = worse(worst, r);
		}
	}
	return worst;
}
