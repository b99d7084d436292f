/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See once.h. A table with open addressing, half full at most; ids are hashes already. */
#include "cli/once.h"

#include "cli/journal.h"
#include "cli/trust.h"
#include "report/report.h"
#include "util/parse.h"

/* A report's id in hex. */
#define ID_LENGTH 32

struct key {
	uint64_t id[2], machine[2], time; /* time: realtime of the entry, which is sent with it */
	uint32_t uid;
	bool used, update;
};

struct once {
	struct key *keys;
	size_t n, room; /* room: a power of two */
};

int once_new(struct once **ret_once) {
	struct once *once = calloc(1, sizeof(*once));

	if (!once)
		return -ENOMEM;
	*ret_once = once;
	return 0;
}

void once_free(struct once *once) {
	if (!once)
		return;
	free(once->keys);
	free(once);
}

void once_clear(struct once *once) {
	if (!once)
		return;
	free(once->keys);
	*once = (struct once){};
}

static bool parse_id(const char *s, uint64_t ret[static 2]) {
	if (strlen(s) != ID_LENGTH || !is_hex(s, ID_LENGTH))
		return false;
	ret[0] = ret[1] = 0;
	for (size_t i = 0; i < ID_LENGTH; i++) {
		uint64_t *word = &ret[i / 16];

		*word = *word << 4 | (uint64_t)(s[i] <= '9' ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
	}
	return true;
}

static bool read_key(sd_journal *j, struct key *ret) {
	_cleanup_free_ char *id = NULL, *uid = NULL, *message = NULL, *machine = NULL;

	*ret = (struct key){ .used = true };
	if (entry_field(j, "COREWATCH_ID", &id) < 0 || !parse_id(id, ret->id) || entry_field(j, "_UID", &uid) < 0 ||
	    parse_uid(uid, &ret->uid) < 0 || entry_field(j, "MESSAGE_ID", &message) < 0 ||
	    sd_journal_get_realtime_usec(j, &ret->time) < 0)
		return false;
	/* Containers of one kernel have one boot id, and alike crashes in them may have one id. */
	if (entry_field(j, "_MACHINE_ID", &machine) >= 0)
		(void)parse_id(machine, ret->machine);
	ret->update = streq(message, COREWATCH_MESSAGE_ID_UPDATED);
	return true;
}

static bool equal(const struct key *a, const struct key *b) {
	return memcmp(a->id, b->id, sizeof(a->id)) == 0 && memcmp(a->machine, b->machine, sizeof(a->machine)) == 0 &&
	       a->time == b->time && a->uid == b->uid && a->update == b->update;
}

static struct key *slot_of(struct key *keys, size_t room, const struct key *key) {
	size_t at = (size_t)(key->id[0] ^ key->id[1] ^ key->machine[0]) & (room - 1);

	while (keys[at].used && !equal(&keys[at], key))
		at = (at + 1) & (room - 1);
	return &keys[at];
}

static int grow(struct once *once) {
	size_t room = MAX(once->room * 2, (size_t)1024);
	struct key *keys = calloc(room, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < once->room; i++)
		if (once->keys[i].used)
			*slot_of(keys, room, &once->keys[i]) = once->keys[i];
	free(once->keys);
	once->keys = keys;
	once->room = room;
	return 0;
}

int once_add(struct once *once, sd_journal *j, const struct options *o) {
	struct key key, *slot;

	if (!read_key(j, &key) || (o->untrusted && !entry_is_trusted(j, o)))
		return 1;
	if (once->n >= once->room / 2 && grow(once) < 0)
		return -ENOMEM;
	slot = slot_of(once->keys, once->room, &key);
	if (slot->used)
		return 0;
	*slot = key;
	once->n++;
	return 1;
}
