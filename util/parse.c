/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See parse.h. strtoul() and friends take signs, blanks and other bases: hence our own digits loop. */
#include "util/parse.h"

#include <strings.h>

/* Digits at *s into *ret, *s moved behind them. */
static int digits(const char **s, uint64_t *ret) {
	uint64_t v = 0;
	const char *p = *s;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++)
		if (!mul_u64(v, 10, &v) || !add_u64(v, (uint64_t)(*p - '0'), &v))
			return -ERANGE;
	*s = p;
	*ret = v;
	return 0;
}

int parse_u64(const char *s, uint64_t *ret_value) {
	uint64_t v;
	int r = digits(&s, &v);

	if (r < 0)
		return r;
	if (*s)
		return -EINVAL;
	*ret_value = v;
	return 0;
}

int parse_u32(const char *s, uint32_t *ret_value) {
	uint64_t v;
	int r = parse_u64(s, &v);

	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret_value = (uint32_t)v;
	return 0;
}

int parse_pid(const char *s, int32_t *ret_pid) {
	uint64_t v;
	int r = parse_u64(s, &v);

	if (r < 0)
		return r;
	if (v == 0 || v > INT32_MAX)
		return -ERANGE;
	*ret_pid = (int32_t)v;
	return 0;
}

int parse_uid(const char *s, uint32_t *ret_uid) {
	uint32_t v;
	int r = parse_u32(s, &v);

	if (r < 0)
		return r;
	if (v == UINT32_MAX)
		return -ERANGE;
	*ret_uid = v;
	return 0;
}

int parse_bool(const char *s, bool *ret_value) {
	static const char *const words[][2] = { { "no", "yes" }, { "false", "true" }, { "off", "on" }, { "0", "1" } };

	for (size_t i = 0; i < ELEMENTSOF(words); i++)
		for (int k = 0; k < 2; k++)
			if (strcasecmp(s, words[i][k]) == 0) {
				*ret_value = k == 1;
				return 0;
			}
	return -EINVAL;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit *find_unit(const struct unit *units, size_t n, const char *s, size_t length) {
	for (size_t i = 0; i < n; i++)
		if (strlen(units[i].name) == length && strncmp(units[i].name, s, length) == 0)
			return &units[i];
	return NULL;
}

int parse_time_span(const char *s, uint64_t *ret_usec) {
	static const struct unit units[] = {
		{ "", USEC_PER_SEC }, { "us", 1 }, { "ms", 1000 }, { "s", USEC_PER_SEC }, { "sec", USEC_PER_SEC },
		{ "m", 60 * USEC_PER_SEC }, { "min", 60 * USEC_PER_SEC }, { "h", 3600 * USEC_PER_SEC },
		{ "d", 86400 * USEC_PER_SEC }, { "w", 7 * 86400 * USEC_PER_SEC },
	};
	uint64_t sum = 0;

	if (!*s)
		return -EINVAL;
	while (*s) {
		const struct unit *unit;
		uint64_t v;
		int r = digits(&s, &v);

		if (r < 0)
			return r;
		unit = find_unit(units, ELEMENTSOF(units), s, strcspn(s, " 0123456789"));
		if (!unit)
			return -EINVAL;
		s += strlen(unit->name);
		s += strspn(s, " ");
		if (!mul_u64(v, unit->factor, &v) || !add_u64(sum, v, &sum))
			return -ERANGE;
	}
	*ret_usec = sum;
	return 0;
}

int parse_size(const char *s, uint64_t *ret_bytes) {
	static const struct unit units[] = { { "", 1 }, { "B", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 },
		                             { "T", UINT64_C(1) << 40 } };
	const struct unit *unit;
	uint64_t v;
	int r = digits(&s, &v);

	if (r < 0)
		return r;
	unit = find_unit(units, ELEMENTSOF(units), s, strlen(s));
	if (!unit)
		return -EINVAL;
	if (!mul_u64(v, unit->factor, &v))
		return -ERANGE;
	*ret_bytes = v;
	return 0;
}

bool is_hex(const char *s, size_t length) {
	return strlen(s) == length && strspn(s, "0123456789abcdef") == length;
}
