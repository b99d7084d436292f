/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See procinfo.h. Formats: proc(5) and the kernel's posix_acl_xattr.h; libacl would be one more library in the daemon
 * for thirty lines.
 */
#include "daemon/procinfo.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include "util/parse.h"

/*
 * What follows a line's name, or NULL. The name stands at a line's beginning: values cannot hold one, the kernel
 * escapes newlines in them.
 */
static const char *find_line(const char *text, const char *name) {
	size_t n = strlen(name);

	while (text) {
		if (strncmp(text, name, n) == 0)
			return text + n;
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return NULL;
}

/* The next word of the line into buffer; false at its end or if it does not fit. */
static bool next_word(const char **s, char *buffer, size_t size) {
	size_t n;

	*s += strspn(*s, " \t");
	n = strcspn(*s, " \t\n");
	if (n == 0 || n >= size)
		return false;
	memcpy(buffer, *s, n);
	buffer[n] = 0;
	*s += n;
	return true;
}

static int soft_limit(const char *limits, const char *name, uint64_t *ret_bytes) {
	const char *s = find_line(limits, name);
	char word[32];

	if (!s || !next_word(&s, word, sizeof(word)))
		return -ENODATA;
	if (streq(word, "unlimited")) {
		*ret_bytes = UINT64_MAX;
		return 0;
	}
	return parse_u64(word, ret_bytes);
}

int limits_stack_size(const char *limits, uint64_t *ret_bytes) {
	return soft_limit(limits, "Max stack size ", ret_bytes);
}

int limits_address_space(const char *limits, uint64_t *ret_bytes) {
	return soft_limit(limits, "Max address space ", ret_bytes);
}

static bool four_ids_are(const char *line, uint32_t id) {
	char word[16];
	uint32_t value;

	for (int i = 0; i < 4; i++)
		if (!line || !next_word(&line, word, sizeof(word)) || parse_uid(word, &value) < 0 || value != id)
			return false;
	return true;
}

bool status_ids_are(const char *status, uint32_t uid, uint32_t gid) {
	return four_ids_are(find_line(status, "Uid:"), uid) && four_ids_are(find_line(status, "Gid:"), gid);
}

bool acl_lets_user_read(const void *acl, size_t length, uint32_t uid) {
	const struct posix_acl_xattr_header *header = acl;
	const struct posix_acl_xattr_entry *entries = (const void *)(header + 1);
	bool user = false, mask = true;
	size_t n;

	if (length < sizeof(*header) || le32toh(header->a_version) != POSIX_ACL_XATTR_VERSION ||
	    (length - sizeof(*header)) % sizeof(*entries) != 0)
		return false;
	n = (length - sizeof(*header)) / sizeof(*entries);
	for (size_t i = 0; i < n; i++) {
		bool reads = le16toh(entries[i].e_perm) & ACL_READ;

		if (le16toh(entries[i].e_tag) == ACL_USER && le32toh(entries[i].e_id) == uid)
			user = reads;
		if (le16toh(entries[i].e_tag) == ACL_MASK)
			mask = reads;
	}
	return user && mask;
}
