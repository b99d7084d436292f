/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mutes: crashes that nobody wants to have analysed, by program or by fingerprint. A mute is a journal entry that
 * `corewatchctl mute` sends as its user; journald vouches for the sender, so it needs no socket, no rights and no
 * file that both sides write. A user's mute counts for his own crashes, root's for all. This is the set of them and
 * its rules, for the daemon, which applies it, and for corewatchctl, which lists it. Entry: man corewatch(8), MUTES.
 */
#pragma once

#include "util/macro.h"

#define MUTE_FOREVER UINT64_MAX
/* What is muted: a path, a name or 32 hex digits. */
#define MUTE_WHAT_MAX 1024
/* Of one user, and of all: who has more loses his oldest. */
#define MUTES_OF_UID_MAX 64
#define MUTES_MAX 1024

struct mute {
	uint32_t uid;        /* who muted */
	char *what;
	uint64_t since_usec; /* realtime */
	uint64_t until_usec; /* realtime, or MUTE_FOREVER */
};

struct mutes;

int mutes_new(struct mutes **ret_mutes); /* 0 or -ENOMEM */
void mutes_free(struct mutes *mutes);
DEFINE_CLEANUP(struct mutes *, mutes_free);

/* Whether this may be muted: a path or name without control characters, or a fingerprint. */
bool mute_is_valid(const char *what);
bool mute_is_fingerprint(const char *what);

/* Adds one, or changes its end. what is copied. 0, -EINVAL, -ENOMEM. */
int mutes_add(struct mutes *mutes, const struct mute *mute);
/* Takes back what uid has muted; root: whoever has. 0, or -ENOENT. */
int mutes_remove(struct mutes *mutes, uint32_t uid, const char *what);
/* Forgets those that were over by then. */
void mutes_expire(struct mutes *mutes, uint64_t now_usec);

/*
 * Whether a crash at that time is muted. own: uid may speak for the crash (it is not, for example, of a set-uid
 * program); else only root's mutes count. A name without a slash means the last part of the path.
 */
bool mutes_have_program(const struct mutes *mutes, uint32_t uid, bool own, const char *program, uint64_t time_usec);
bool mutes_have_fingerprint(const struct mutes *mutes, uint32_t uid, bool own, const char *fingerprint,
                            uint64_t time_usec);

size_t mutes_count(const struct mutes *mutes);
const struct mute *mutes_get(const struct mutes *mutes, size_t i); /* in the order of being muted */

/*
 * The fields of an entry, applied: COREWATCH_MUTE= what, COREWATCH_MUTE_UNTIL= microseconds or "infinity" (muted until
 * then) or "0" (unmuted); uid and time are journald's. 0 or -EINVAL (nothing of it is believed), -ENOENT, -ENOMEM.
 */
int mutes_apply(struct mutes *mutes, uint32_t uid, uint64_t time_usec, const char *what, const char *until);

/* As a text of lines "UID SINCE UNTIL WHAT" behind one that names the format; lines that are not that are dropped. */
int mutes_write(const struct mutes *mutes, char **ret_text, size_t *ret_length);
/* text is cut up. The number of bad lines; -EBADMSG: another format. */
int mutes_read(struct mutes *mutes, char *text);
