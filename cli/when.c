/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See when.h. */
#include "cli/when.h"

#include <time.h>

bool when_parse(const char *s, uint64_t *ret_usec) {
	struct tm tm = {};
	const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	uint64_t fraction = 0, unit = USEC_PER_SEC;
	time_t t;

	if (!rest)
		return false;
	t = timegm(&tm);
	if (t < 0)
		return false;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9' && unit > 1; rest++) {
			unit /= 10;
			fraction += (uint64_t)(*rest - '0') * unit;
		}
	*ret_usec = (uint64_t)t * USEC_PER_SEC + fraction;
	return true;
}

/* Only a year beyond what struct tm holds fails. */
static bool local_of(uint64_t usec, struct tm *ret) {
	time_t t = (time_t)(usec / USEC_PER_SEC);

	return localtime_r(&t, ret) != NULL;
}

const char *when_local(uint64_t usec, char buffer[static WHEN_BYTES]) {
	struct tm tm;

	if (!local_of(usec, &tm) || strftime(buffer, WHEN_BYTES, "%a %Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		snprintf(buffer, WHEN_BYTES, "-");
	return buffer;
}

const char *when_day(uint64_t usec, char buffer[static WHEN_BYTES]) {
	struct tm tm;

	if (!local_of(usec, &tm) || strftime(buffer, WHEN_BYTES, "%Y-%m-%d", &tm) == 0)
		snprintf(buffer, WHEN_BYTES, "-");
	return buffer;
}
