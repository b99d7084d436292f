/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The C half: with link-time optimisation its functions are inlined across units and languages. */
#include <stdlib.h>

static volatile int turns;

static inline int once(int (*call)(void *, int), void *data, int n) {
	int r = call(data, n);

	turns++;
	return r + turns;
}

static int compare(const void *a, const void *b) {
	void **const *x = (void **const *)a;
	int (*call)(void *, int) = (int (*)(void *, int))(*x)[0];

	(void)b;
	return once(call, (*x)[1], turns);
}

int across(int (*call)(void *, int), void *data, int n) {
	void *pair[2] = { (void *)call, data }, **items[2] = { pair, pair };

	turns = n;
	qsort(items, 2, sizeof(items[0]), compare);
	return turns;
}
