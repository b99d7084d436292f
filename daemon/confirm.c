/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See confirm.h. settle.c asks a second after the sending: by then journald has stored it, and once is enough. */
#include "daemon/confirm.h"

struct sent {
	struct sent *next;
	struct ticket *ticket;
	struct triage_key key; /* strings owned */
	unsigned tries;
	uint64_t sent_usec;
};

struct confirm {
	struct triage_context *triage;
	struct confirm_callbacks callbacks;
	struct sent *list;
};

static void sent_free(struct sent *sent) {
	if (!sent)
		return;
	free((char *)sent->key.id);
	free((char *)sent->key.cursor);
	free(sent);
}
DEFINE_CLEANUP(struct sent *, sent_free);

int confirm_new(struct triage_context *triage, const struct confirm_callbacks *callbacks,
                struct confirm **ret_confirm) {
	struct confirm *confirm = calloc(1, sizeof(*confirm));

	if (!confirm)
		return -ENOMEM;
	confirm->triage = triage;
	confirm->callbacks = *callbacks;
	*ret_confirm = confirm;
	return 0;
}

void confirm_free(struct confirm *confirm) {
	if (!confirm)
		return;
	while (confirm->list) {
		struct sent *sent = confirm->list;

		confirm->list = sent->next;
		sent_free(sent);
	}
	free(confirm);
}

int confirm_add(struct confirm *confirm, const struct triage_key *key, struct ticket *ticket, unsigned tries,
                uint64_t now_usec) {
	_cleanup_(sent_freep) struct sent *sent = calloc(1, sizeof(*sent));

	if (!sent)
		return -ENOMEM;
	*sent = (struct sent){ .ticket = ticket, .key = *key, .tries = tries, .sent_usec = now_usec };
	sent->key.id = strdup(key->id);
	sent->key.cursor = key->cursor ? strdup(key->cursor) : NULL;
	if (!sent->key.id || (key->cursor && !sent->key.cursor))
		return -ENOMEM;
	sent->next = confirm->list;
	confirm->list = take_ptr(sent);
	return 0;
}

size_t confirm_check(struct confirm *confirm, uint64_t now_usec) {
	struct sent *list = take_ptr(confirm->list);
	size_t n = 0;

	while (list) {
		_cleanup_(sent_freep) struct sent *sent = list;

		list = sent->next;
		if (triage_search(confirm->triage, &sent->key) != TRIAGE_ANALYSE)
			confirm->callbacks.stored(sent->ticket, confirm->callbacks.userdata);
		else if (now_usec - sent->sent_usec >= CONFIRM_PATIENCE_USEC)
			confirm->callbacks.missing(sent->ticket, &sent->key, sent->tries, confirm->callbacks.userdata);
		else {
			sent->next = confirm->list;
			confirm->list = take_ptr(sent);
			n++;
		}
	}
	return n;
}

bool confirm_has(const struct confirm *confirm, const char *id) {
	for (const struct sent *sent = confirm->list; sent; sent = sent->next)
		if (streq(sent->key.id, id))
			return true;
	return false;
}
