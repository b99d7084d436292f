/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See rate.h. One ring of the crashes that were analysed last; a decision counts in it. That is exact, needs no
 * clean-up and no timers, and at some thousand comparisons costs a fraction of reading the entry.
 *
 * The clock may jump. What lies in the future is counted by its distance like what lies in the past: a jump by more
 * than the window forgets it, a smaller one makes the window at most twice as long.
 */
#include "daemon/rate.h"

/* Twice the largest limit: users with less than their part go beyond it. */
#define RING_SIZE (2 * RATE_LIMIT_MAX)
/* Users told apart when parts are made; more than these in one window share the parts of the last. */
#define UIDS_MAX 64

struct event {
	uint64_t time_usec;
	uint64_t program, fingerprint; /* hashes */
	uint32_t uid;
	bool used;
};

struct rate {
	struct event ring[RING_SIZE];
	size_t next;
};

struct tally {
	unsigned alike, program, own, total;
	uint32_t uids[UIDS_MAX];
	unsigned n_uids;
};

int rate_new(struct rate **ret_rate) {
	struct rate *rate = calloc(1, sizeof(*rate));

	if (!rate)
		return -ENOMEM;
	*ret_rate = rate;
	return 0;
}

void rate_free(struct rate *rate) {
	free(rate);
}

/* FNV-1a. Who makes two of his own programs collide shortens his own reports. */
static uint64_t hash_of(uint32_t uid, const char *s) {
	uint64_t h = UINT64_C(14695981039346656037) ^ uid;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	return h;
}

static struct event event_of(const struct rate_crash *crash) {
	return (struct event){
		.time_usec = crash->time_usec,
		.program = hash_of(crash->uid, crash->program),
		.fingerprint = hash_of(crash->uid, crash->fingerprint),
		.uid = crash->uid,
		.used = true,
	};
}

static void put(struct rate *rate, const struct event *event) {
	rate->ring[rate->next] = *event;
	rate->next = (rate->next + 1) % RING_SIZE;
}

static void count_uid(struct tally *tally, uint32_t uid) {
	for (unsigned i = 0; i < tally->n_uids; i++)
		if (tally->uids[i] == uid)
			return;
	if (tally->n_uids < UIDS_MAX)
		tally->uids[tally->n_uids++] = uid;
}

static struct tally count(const struct rate *rate, uint64_t window_usec, const struct event *event) {
	struct tally tally = { .n_uids = 0 };

	count_uid(&tally, event->uid);
	for (size_t i = 0; i < RING_SIZE; i++) {
		const struct event *other = &rate->ring[i];
		uint64_t distance = MAX(other->time_usec, event->time_usec) - MIN(other->time_usec, event->time_usec);

		if (!other->used || distance >= window_usec)
			continue;
		tally.total++;
		tally.own += other->uid == event->uid;
		tally.program += other->program == event->program;
		tally.alike += other->fingerprint == event->fingerprint;
		count_uid(&tally, other->uid);
	}
	return tally;
}

static enum rate_verdict judge(const struct rate_limits *limits, const struct tally *tally) {
	if (limits->alike > 0 && tally->alike >= limits->alike)
		return RATE_ALIKE;
	if (limits->program > 0 && tally->program >= limits->program)
		return RATE_PROGRAM;
	if (limits->total > 0 && tally->total >= limits->total && tally->own >= MAX(limits->total / tally->n_uids, 1u))
		return RATE_TOTAL;
	return RATE_OK;
}

enum rate_verdict rate_check(struct rate *rate, const struct rate_limits *limits, const struct rate_crash *crash) {
	struct event event = event_of(crash);
	struct tally tally = count(rate, limits->window_usec, &event);
	enum rate_verdict verdict = judge(limits, &tally);

	if (verdict == RATE_OK)
		put(rate, &event);
	return verdict;
}

void rate_note(struct rate *rate, const struct rate_crash *crash) {
	struct event event = event_of(crash);

	put(rate, &event);
}
