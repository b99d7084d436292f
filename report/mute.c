/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See mute.h. A plain array in the order of being muted: it is short, and read once for a crash. */
#include "report/mute.h"

#include <inttypes.h>

#include "util/io.h"
#include "util/parse.h"
#include "util/text.h"

#define HEADER "corewatch-mutes 1\n"
#define FINGERPRINT_DIGITS 32
/* What readlink(2) of /proc/PID/exe puts behind the path of a file that is gone: rebuilt while it ran. */
#define DELETED " (deleted)"

struct mutes {
	struct mute list[MUTES_MAX];
	size_t n;
};

int mutes_new(struct mutes **ret_mutes) {
	struct mutes *mutes = calloc(1, sizeof(*mutes));

	if (!mutes)
		return -ENOMEM;
	*ret_mutes = mutes;
	return 0;
}

void mutes_free(struct mutes *mutes) {
	if (!mutes)
		return;
	for (size_t i = 0; i < mutes->n; i++)
		free(mutes->list[i].what);
	free(mutes);
}

bool mute_is_fingerprint(const char *what) {
	return strlen(what) == FINGERPRINT_DIGITS && is_hex(what, FINGERPRINT_DIGITS);
}

bool mute_is_valid(const char *what) {
	char clean[MUTE_WHAT_MAX + 1];
	size_t n = strlen(what);

	if (n == 0 || n > MUTE_WHAT_MAX)
		return false;
	/* One way to write it only: it is shown on terminals, and is a line of a file. */
	return text_clean(what, n, clean, sizeof(clean)) == n && memcmp(what, clean, n) == 0;
}

static void drop(struct mutes *mutes, size_t i) {
	free(mutes->list[i].what);
	mutes->n--;
	memmove(&mutes->list[i], &mutes->list[i + 1], (mutes->n - i) * sizeof(*mutes->list));
}

/* Makes room for one more of uid. */
static void make_room(struct mutes *mutes, uint32_t uid) {
	size_t own = 0, oldest = mutes->n;

	for (size_t i = mutes->n; i-- > 0;)
		if (mutes->list[i].uid == uid) {
			own++;
			oldest = i;
		}
	if (own >= MUTES_OF_UID_MAX)
		drop(mutes, oldest);
	else if (mutes->n == MUTES_MAX)
		drop(mutes, 0);
}

int mutes_add(struct mutes *mutes, const struct mute *mute) {
	char *what;

	if (!mute_is_valid(mute->what))
		return -EINVAL;
	what = strdup(mute->what);
	if (!what)
		return -ENOMEM;
	for (size_t i = mutes->n; i-- > 0;)
		if (mutes->list[i].uid == mute->uid && streq(mutes->list[i].what, what))
			drop(mutes, i);
	make_room(mutes, mute->uid);
	mutes->list[mutes->n] = *mute;
	mutes->list[mutes->n++].what = what;
	return 0;
}

int mutes_remove(struct mutes *mutes, uint32_t uid, const char *what) {
	size_t before = mutes->n;

	for (size_t i = mutes->n; i-- > 0;)
		if ((uid == 0 || mutes->list[i].uid == uid) && streq(mutes->list[i].what, what))
			drop(mutes, i);
	return mutes->n < before ? 0 : -ENOENT;
}

void mutes_expire(struct mutes *mutes, uint64_t now_usec) {
	for (size_t i = mutes->n; i-- > 0;)
		if (mutes->list[i].until_usec <= now_usec)
			drop(mutes, i);
}

static bool counts(const struct mute *mute, uint32_t uid, bool own, uint64_t time_usec) {
	return time_usec < mute->until_usec && (mute->uid == 0 || (own && mute->uid == uid));
}

static bool names_program(const char *what, const char *program, size_t length) {
	const char *slash;

	if (strlen(what) == length && memcmp(what, program, length) == 0)
		return true;
	if (strchr(what, '/'))
		return false;
	slash = memrchr(program, '/', length);
	return slash && strlen(what) == length - (size_t)(slash + 1 - program) &&
	       memcmp(what, slash + 1, strlen(what)) == 0;
}

bool mutes_have_program(const struct mutes *mutes, uint32_t uid, bool own, const char *program, uint64_t time_usec) {
	size_t length = strlen(program);

	if (str_has_suffix(program, DELETED))
		length -= strlen(DELETED);
	for (size_t i = 0; i < mutes->n; i++)
		if (counts(&mutes->list[i], uid, own, time_usec) &&
		    names_program(mutes->list[i].what, program, length))
			return true;
	return false;
}

bool mutes_have_fingerprint(const struct mutes *mutes, uint32_t uid, bool own, const char *fingerprint,
                            uint64_t time_usec) {
	for (size_t i = 0; i < mutes->n; i++)
		if (counts(&mutes->list[i], uid, own, time_usec) && streq(mutes->list[i].what, fingerprint))
			return true;
	return false;
}

size_t mutes_count(const struct mutes *mutes) {
	return mutes->n;
}

const struct mute *mutes_get(const struct mutes *mutes, size_t i) {
	return &mutes->list[i];
}

int mutes_apply(struct mutes *mutes, uint32_t uid, uint64_t time_usec, const char *what, const char *until) {
	struct mute mute = { .uid = uid, .what = (char *)what, .since_usec = time_usec, .until_usec = MUTE_FOREVER };

	if (!what || !until || !mute_is_valid(what))
		return -EINVAL;
	if (!streq(until, "infinity") && parse_u64(until, &mute.until_usec) < 0)
		return -EINVAL;
	return mute.until_usec == 0 ? mutes_remove(mutes, uid, what) : mutes_add(mutes, &mute);
}

int mutes_write(const struct mutes *mutes, char **ret_text, size_t *ret_length) {
	_cleanup_free_ char *text = NULL;
	FILE *out = open_memstream(&text, ret_length);
	int r;

	if (!out)
		return -ENOMEM;
	fputs(HEADER, out);
	for (size_t i = 0; i < mutes->n; i++)
		fprintf(out, "%" PRIu32 " %" PRIu64 " %" PRIu64 " %s\n", mutes->list[i].uid, mutes->list[i].since_usec,
		        mutes->list[i].until_usec, mutes->list[i].what);
	r = memstream_close(out, &text);
	if (r < 0)
		return r;
	*ret_text = take_ptr(text);
	return 0;
}

static int read_line(struct mutes *mutes, char *line) {
	char *words[3];
	struct mute mute;

	for (size_t i = 0; i < ELEMENTSOF(words); i++) {
		words[i] = strsep(&line, " ");
		if (!words[i])
			return -EBADMSG;
	}
	if (!line || parse_uid(words[0], &mute.uid) < 0 || parse_u64(words[1], &mute.since_usec) < 0 ||
	    parse_u64(words[2], &mute.until_usec) < 0)
		return -EBADMSG;
	mute.what = line;
	return mutes_add(mutes, &mute);
}

int mutes_read(struct mutes *mutes, char *text) {
	char *rest, *line;
	int bad = 0;

	if (!str_has_prefix(text, HEADER))
		return -EBADMSG;
	rest = text + strlen(HEADER);
	while ((line = strsep(&rest, "\n"))) {
		int r = *line ? read_line(mutes, line) : 0;

		if (r == -ENOMEM)
			return r;
		bad += r < 0 && bad < INT16_MAX;
	}
	return bad;
}
