/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See timespec.h. Local days begin at local midnight, also where a day has 23 hours: mktime() is asked, not arithmetic.
 */
#include "cli/timespec.h"

#include <time.h>

#include "util/parse.h"

#define YEAR_MAX 9999
/* 9999-12-31T23:59:59Z */
#define SECONDS_MAX UINT64_C(253402300799)

/* Long names for parse_time_span(), which knows the short ones. The longer of two goes first. */
static const struct {
	const char *word, *unit;
} units[] = {
	{ "seconds", "s" }, { "second", "s" }, { "minutes", "min" }, { "minute", "min" },
	{ "hours", "h" },   { "hour", "h" },   { "days", "d" },      { "day", "d" },
	{ "weeks", "w" },   { "week", "w" },   { "hr", "h" },
};

static bool is_letter(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "2 hours 5 minutes" to microseconds. */
static int parse_span(const char *s, size_t length, uint64_t *ret) {
	char text[96];
	size_t k = 0;

	if (length >= sizeof(text))
		return -EINVAL;
	for (size_t i = 0; i < length;) {
		bool replaced = false;

		/* A blank between number and unit is common in speech, and an error to parse_time_span(). */
		if (s[i] == ' ' && k > 0 && text[k - 1] >= '0' && text[k - 1] <= '9' && i + 1 < length &&
		    is_letter(s[i + 1])) {
			i++;
			continue;
		}
		for (size_t u = 0; u < ELEMENTSOF(units) && !replaced && is_letter(s[i]); u++) {
			size_t n = strlen(units[u].word);

			if (n <= length - i && strncmp(s + i, units[u].word, n) == 0 && !is_letter(s[i + n])) {
				k += (size_t)(stpcpy(text + k, units[u].unit) - (text + k));
				i += n;
				replaced = true;
			}
		}
		if (!replaced)
			text[k++] = s[i++];
	}
	while (k > 0 && text[k - 1] == ' ')
		k--;
	text[k] = 0;
	return parse_time_span(text, ret);
}

static int relative(const char *s, size_t length, bool past, uint64_t now, uint64_t *ret) {
	uint64_t span, at;
	int r = parse_span(s, length, &span);

	if (r < 0)
		return r;
	if (past ? __builtin_sub_overflow(now, span, &at) : !add_u64(now, span, &at))
		return -ERANGE;
	*ret = at;
	return 0;
}

static int from_tm(struct tm *tm, bool utc, uint64_t *ret) {
	struct tm copy = *tm;
	time_t t;

	copy.tm_isdst = -1;
	t = utc ? timegm(&copy) : mktime(&copy);
	/* 31 April becomes 1 May: not what was typed. */
	if (copy.tm_mday != tm->tm_mday || copy.tm_mon != tm->tm_mon)
		return -EINVAL;
	if (t < 0 || (uint64_t)t > SECONDS_MAX)
		return -ERANGE;
	*ret = (uint64_t)t * USEC_PER_SEC;
	return 0;
}

static int day(uint64_t now, int offset, uint64_t *ret) {
	time_t t = (time_t)(now / USEC_PER_SEC);
	struct tm tm;

	if (!localtime_r(&t, &tm))
		return -ERANGE;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday += offset;
	tm.tm_isdst = -1;
	t = mktime(&tm);
	if (t < 0)
		return -ERANGE;
	*ret = (uint64_t)t * USEC_PER_SEC;
	return 0;
}

/* Digits, exactly n of them, between low and high. */
static bool number(const char **s, size_t n, int low, int high, int *ret) {
	int v = 0;

	for (size_t i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (**s - '0');
	}
	*ret = v;
	return v >= low && v <= high;
}

static bool clock_time(const char **s, struct tm *tm) {
	if (!number(s, 2, 0, 23, &tm->tm_hour) || *(*s)++ != ':' || !number(s, 2, 0, 59, &tm->tm_min))
		return false;
	tm->tm_sec = 0;
	if (**s != ':')
		return true;
	(*s)++;
	return number(s, 2, 0, 60, &tm->tm_sec);
}

static int calendar(const char *s, uint64_t now, uint64_t *ret) {
	time_t t = (time_t)(now / USEC_PER_SEC);
	struct tm tm;
	bool utc = str_has_suffix(s, " UTC");

	if (!(utc ? gmtime_r(&t, &tm) : localtime_r(&t, &tm)))
		return -ERANGE;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (strchr(s, '-')) {
		if (!number(&s, 4, 1970, YEAR_MAX, &tm.tm_year) || *s++ != '-' || !number(&s, 2, 1, 12, &tm.tm_mon) ||
		    *s++ != '-' || !number(&s, 2, 1, 31, &tm.tm_mday))
			return -EINVAL;
		tm.tm_year -= 1900;
		tm.tm_mon--;
		if (*s == ' ' || *s == 'T') {
			if (!streq(s, " UTC")) {
				s++;
				if (!clock_time(&s, &tm))
					return -EINVAL;
			}
		}
	} else if (!clock_time(&s, &tm))
		return -EINVAL;
	if (*s && !(utc && streq(s, " UTC")))
		return -EINVAL;
	return from_tm(&tm, utc, ret);
}

int timespec_parse(const char *s, uint64_t now, uint64_t *ret_usec) {
	static const struct {
		const char *word;
		int days;
	} days[] = { { "today", 0 }, { "yesterday", -1 }, { "tomorrow", 1 } };
	uint64_t seconds;
	int r;

	if (streq(s, "now")) {
		*ret_usec = now;
		return 0;
	}
	for (size_t i = 0; i < ELEMENTSOF(days); i++)
		if (streq(s, days[i].word))
			return day(now, days[i].days, ret_usec);
	if (*s == '@') {
		r = parse_u64(s + 1, &seconds);
		if (r < 0)
			return r;
		if (seconds > SECONDS_MAX)
			return -ERANGE;
		*ret_usec = seconds * USEC_PER_SEC;
		return 0;
	}
	if (*s == '-' || *s == '+')
		return relative(s + 1, strlen(s + 1), *s == '-', now, ret_usec);
	if (str_has_suffix(s, " ago"))
		return relative(s, strlen(s) - strlen(" ago"), true, now, ret_usec);
	return calendar(s, now, ret_usec);
}
