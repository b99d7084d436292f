/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See hash.h. Numbers are hashed little-endian, so that ids are equal on every machine. */
#include "util/hash.h"

#include <sha2.h>
#include <sys/types.h>

struct hash {
	SHA2_CTX context;
};

int hash_new(struct hash **ret_hash) {
	struct hash *h = malloc(sizeof(*h));

	if (!h)
		return -ENOMEM;
	SHA256Init(&h->context);
	*ret_hash = h;
	return 0;
}

void hash_free(struct hash *h) {
	free(h);
}

static void add_number(struct hash *h, uint64_t value) {
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	SHA256Update(&h->context, bytes, sizeof(bytes));
}

void hash_add(struct hash *h, const void *data, size_t length) {
	add_number(h, length);
	SHA256Update(&h->context, data, length);
}

void hash_add_string(struct hash *h, const char *s) {
	hash_add(h, s ? s : "", s ? strlen(s) : 0);
}

void hash_add_u64(struct hash *h, uint64_t value) {
	add_number(h, sizeof(value));
	add_number(h, value);
}

void hash_finish(struct hash *h, char ret_text[static HASH_TEXT_SIZE]) {
	static const char hex[] = "0123456789abcdef";
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256Final(digest, &h->context);
	for (size_t i = 0; i < (HASH_TEXT_SIZE - 1) / 2; i++) {
		ret_text[2 * i] = hex[digest[i] >> 4];
		ret_text[2 * i + 1] = hex[digest[i] & 15];
	}
	ret_text[HASH_TEXT_SIZE - 1] = 0;
}
