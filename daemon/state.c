/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See state.h. `cursor` is one line, the journal's own cursor string. `fingerprints` is a text of lines "ID FIRST
 * LAST SEEN" (hex digits, two realtimes in microseconds, a count) behind a line that names the format; lines that are
 * not that are dropped. `mutes` is report/mute.c's.
 */
#include "daemon/state.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "util/io.h"
#include "util/log.h"
#include "util/parse.h"

#define HEADER "corewatch-fingerprints 1\n"
#define ID_MAX 64
#define CURSOR_MAX 1024
/* 4096 lines of at most 64 + 3 * 20 + 4 bytes, and some for what others wrote. */
#define FILE_MAX MIB(1)
/* MUTES_MAX lines of MUTE_WHAT_MAX and three numbers. */
#define MUTES_FILE_MAX MIB(2)

struct count {
	char id[ID_MAX + 1];
	uint64_t first_usec, last_usec, seen;
};

struct state {
	const char *directory;
	int dir; /* or -EBADF */
	char *cursor;
	struct count *counts;
	size_t n_counts;
	bool counts_changed;
	struct mutes *mutes;
	bool mutes_changed;
};

void state_free(struct state *state) {
	if (!state)
		return;
	closep(&state->dir);
	free(state->cursor);
	free(state->counts);
	mutes_free(state->mutes);
	free(state);
}

static int read_file(int dir, const char *name, size_t max, char **ret_text) {
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = read_named(dir, name, max, &text, &length);

	if (r < 0)
		return r;
	if (strlen(text) != length)
		return -EBADMSG;
	*ret_text = take_ptr(text);
	return 0;
}

/* Memory that ends is no damage of the file: 0 or -ENOMEM. */
static int load_cursor(struct state *state) {
	_cleanup_free_ char *text = NULL;
	int r = read_file(state->dir, "cursor", CURSOR_MAX, &text);

	if (r == -ENOENT || r == -ENOMEM)
		return r == -ENOMEM ? r : 0;
	if (r >= 0)
		text[strcspn(text, "\n")] = 0;
	if (r >= 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789=;") != strlen(text))
		r = -EBADMSG;
	if (r >= 0 && !strchr(text, '='))
		r = -EBADMSG;
	if (r < 0)
		log_warning("the saved journal position is not usable (%s), ignoring it", strerror(-r));
	else
		state->cursor = take_ptr(text);
	return 0;
}

static bool is_fingerprint(const char *id) {
	size_t n = strlen(id);

	return n > 0 && n <= ID_MAX && is_hex(id, n);
}

/* One "ID FIRST LAST SEEN"; line is cut up. */
static bool parse_count(char *line, struct count *ret_count) {
	char *words[4], *rest = line;
	struct count count = { .seen = 0 };

	for (size_t i = 0; i < ELEMENTSOF(words); i++) {
		words[i] = strsep(&rest, " ");
		if (!words[i])
			return false;
	}
	if (rest || !is_fingerprint(words[0]) || parse_u64(words[1], &count.first_usec) < 0 ||
	    parse_u64(words[2], &count.last_usec) < 0 || parse_u64(words[3], &count.seen) < 0 || count.seen == 0)
		return false;
	memcpy(count.id, words[0], strlen(words[0]) + 1);
	*ret_count = count;
	return true;
}

static int load_counts(struct state *state) {
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	size_t bad = 0;
	int r = read_file(state->dir, "fingerprints", FILE_MAX, &text);

	if (r == -ENOENT || r == -ENOMEM)
		return r == -ENOMEM ? r : 0;
	if (r < 0 || !str_has_prefix(text, HEADER)) {
		log_warning("the counts of fingerprints are not usable (%s), ignoring them",
		            r < 0 ? strerror(-r) : "another format");
		return 0;
	}
	rest = text + strlen(HEADER);
	while ((line = strsep(&rest, "\n"))) {
		if (!*line)
			continue;
		if (state->n_counts < STATE_FINGERPRINTS_MAX && parse_count(line, &state->counts[state->n_counts]))
			state->n_counts++;
		else
			bad++;
	}
	if (bad > 0)
		log_warning("ignoring %zu bad lines in the counts of fingerprints", bad);
	return 0;
}

static int load_mutes(struct state *state) {
	_cleanup_free_ char *text = NULL;
	int r = read_file(state->dir, "mutes", MUTES_FILE_MAX, &text);

	if (r == -ENOENT)
		return 0;
	if (r >= 0)
		r = mutes_read(state->mutes, text);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		log_warning("the saved mutes are not usable (%s), ignoring them",
		            r == -EBADMSG ? "another format" : strerror(-r));
	else if (r > 0)
		log_warning("ignoring %d bad lines in the saved mutes", r);
	return 0;
}

static int open_directory(struct state *state) {
	int fd;

	if (mkdir(state->directory, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(state->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	closep(&state->dir);
	state->dir = fd;
	return 0;
}

int state_open(const char *directory, struct state **ret_state) {
	_cleanup_(state_freep) struct state *state = calloc(1, sizeof(*state));
	int r;

	if (!state)
		return -ENOMEM;
	state->dir = -EBADF;
	state->directory = directory;
	state->counts = calloc(STATE_FINGERPRINTS_MAX, sizeof(*state->counts));
	if (!state->counts)
		return -ENOMEM;
	r = mutes_new(&state->mutes);
	if (r < 0)
		return r;
	r = open_directory(state);
	if (r < 0)
		log_error("the state directory %s cannot be used (%s), going on without: a restart begins where "
		          "CatchUp= says",
		          directory, strerror(-r));
	else {
		r = load_cursor(state);
		if (r >= 0)
			r = load_counts(state);
		if (r >= 0)
			r = load_mutes(state);
		if (r < 0)
			return r;
	}
	*ret_state = take_ptr(state);
	return 0;
}

struct mutes *state_mutes(struct state *state) {
	return state->mutes;
}

void state_mutes_changed(struct state *state) {
	state->mutes_changed = true;
}

const char *state_cursor(const struct state *state) {
	return state->cursor;
}

static int save_counts(struct state *state) {
	_cleanup_free_ char *text = NULL;
	_cleanup_fclose_ FILE *out = NULL;
	size_t length;
	int r;

	out = open_memstream(&text, &length);
	if (!out)
		return -ENOMEM;
	fputs(HEADER, out);
	for (size_t i = 0; i < state->n_counts; i++)
		fprintf(out, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", state->counts[i].id,
		        state->counts[i].first_usec, state->counts[i].last_usec, state->counts[i].seen);
	r = memstream_close(take_ptr(out), &text);
	return r < 0 ? r : write_atomically(state->dir, "fingerprints", text, length, 0600);
}

static int save_cursor(struct state *state, const char *cursor) {
	char line[CURSOR_MAX];
	_cleanup_free_ char *copy = strdup(cursor);
	int n = snprintf(line, sizeof(line), "%s\n", cursor), r;

	if (!copy)
		return -ENOMEM;
	if (n >= (int)sizeof(line))
		return -E2BIG;
	r = write_atomically(state->dir, "cursor", line, (size_t)n, 0600);
	if (r < 0)
		return r;
	free(state->cursor);
	state->cursor = take_ptr(copy);
	return 0;
}

static int save_mutes(struct state *state) {
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = mutes_write(state->mutes, &text, &length);

	return r < 0 ? r : write_atomically(state->dir, "mutes", text, length, 0600);
}

/* The cursor last: what lies before it is not read again. */
static int save_all(struct state *state, const char *cursor) {
	int r;

	if (state->mutes_changed) {
		r = save_mutes(state);
		if (r < 0)
			return r;
		state->mutes_changed = false;
	}
	if (state->counts_changed) {
		r = save_counts(state);
		if (r < 0)
			return r;
		state->counts_changed = false;
	}
	if (!cursor || (state->cursor && streq(state->cursor, cursor)))
		return 0;
	return save_cursor(state, cursor);
}

int state_save(struct state *state, const char *cursor) {
	int r = save_all(state, cursor);

	if (r != -ENOENT && r != -EBADF)
		return r;
	/* Somebody has taken the folder away; all of it is saved anew. */
	r = open_directory(state);
	if (r < 0)
		return r;
	state->mutes_changed = state->counts_changed = true;
	return save_all(state, cursor);
}

/* The place of this fingerprint, or one for a new one. */
static struct count *find_count(struct state *state, const char *id) {
	struct count *oldest = NULL;

	for (size_t i = 0; i < state->n_counts; i++) {
		struct count *count = &state->counts[i];
		if (streq(count->id, id))
			return count;
		if (!oldest || count->last_usec < oldest->last_usec)
			oldest = count;
	}
	if (state->n_counts < STATE_FINGERPRINTS_MAX)
		oldest = &state->counts[state->n_counts++];
	*oldest = (struct count){ .seen = 0 };
	snprintf(oldest->id, sizeof(oldest->id), "%s", id);
	return oldest;
}

int state_count(struct state *state, const char *fingerprint, uint64_t time_usec, uint64_t *ret_seen,
                uint64_t *ret_first_usec) {
	struct count *count;

	if (!is_fingerprint(fingerprint))
		return -EINVAL;
	count = find_count(state, fingerprint);
	if (count->seen == 0 || time_usec < count->first_usec)
		count->first_usec = time_usec;
	count->last_usec = MAX(count->last_usec, time_usec);
	if (count->seen < UINT64_MAX)
		count->seen++;
	state->counts_changed = true;
	*ret_seen = count->seen;
	*ret_first_usec = count->first_usec;
	return 0;
}
