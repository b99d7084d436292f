/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See config.h: the ready parsers of values. Each writes its target only when the whole value is good. */
#include "util/config.h"

#include "util/parse.h"

int config_parse_bool(const char *section _unused_, const char *key _unused_, const char *value, void *target,
                      const void *data _unused_) {
	return parse_bool(value, target);
}

int config_parse_time(const char *section _unused_, const char *key _unused_, const char *value, void *target,
                      const void *data _unused_) {
	return parse_time_span(value, target);
}

int config_parse_size(const char *section _unused_, const char *key _unused_, const char *value, void *target,
                      const void *data _unused_) {
	return parse_size(value, target);
}

int config_parse_unsigned(const char *section _unused_, const char *key _unused_, const char *value, void *target,
                          const void *data) {
	const struct config_range *range = data;
	uint32_t v;
	int r = parse_u32(value, &v);

	if (r < 0)
		return r;
	if (range && (v < range->low || v > range->high))
		return -ERANGE;
	*(unsigned *)target = v;
	return 0;
}

int config_parse_string(const char *section _unused_, const char *key _unused_, const char *value, void *target,
                        const void *data _unused_) {
	char **s = target, *copy = NULL;

	if (*value) {
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
	}
	free(*s);
	*s = copy;
	return 0;
}

static void strv_free(char **list) {
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

static size_t strv_length(char **list) {
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

int config_parse_strv(const char *section _unused_, const char *key _unused_, const char *value, void *target,
                      const void *data _unused_) {
	char ***list = target;

	if (!*value) {
		strv_free(*list);
		*list = NULL;
		return 0;
	}
	for (const char *s = value + strspn(value, " \t"); *s; s += strspn(s, " \t")) {
		size_t length = strcspn(s, " \t"), n = strv_length(*list);
		char **grown = reallocarray(*list, n + 2, sizeof(char *));

		if (!grown)
			return -ENOMEM;
		*list = grown;
		grown[n] = strndup(s, length);
		grown[n + 1] = NULL;
		if (!grown[n])
			return -ENOMEM;
		s += length;
	}
	return 0;
}
