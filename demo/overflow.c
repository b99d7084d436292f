/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small program with a real mistake: a recursive-descent reader of nested lists, "[[[...]]]", that trusts its input to be shallow. It runs in a
 * thread "reader" with a stack of 256 KiB, as servers give their workers, and keeps a line of text in every call. A document that is nested deeply
 * enough ends it with SIGSEGV. `quickstart demo` runs it, and shows what corewatch says of it.
 *
 * Build:  cc -g -O1 -pthread -o overflow overflow.c
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES (256 * 1024)
#define NESTED 10000

struct reader {
	const char *at;
	unsigned deepest;
};

static int read_list(struct reader *reader, unsigned depth);

static int read_value(struct reader *reader, unsigned depth) {
	char text[128];
	size_t n = strcspn(reader->at, "[],");

	if (*reader->at == '[')
		return read_list(reader, depth + 1);
	snprintf(text, sizeof(text), "%.*s", (int)n, reader->at);
	reader->at += n;
	return atoi(text);
}

/* The sum of a list's values. */
static int read_list(struct reader *reader, unsigned depth) {
	int sum = 0;

	if (depth > reader->deepest)
		reader->deepest = depth;
	do {
		reader->at++;
		sum += read_value(reader, depth);
	} while (*reader->at == ',');
	if (*reader->at == ']')
		reader->at++;
	return sum;
}

static void *run(void *document) {
	struct reader reader = { .at = document };
	int sum;

	pthread_setname_np(pthread_self(), "reader");
	sum = read_list(&reader, 1);
	printf("sum %d, %u lists deep\n", sum, reader.deepest);
	return NULL;
}

int main(void) {
	char *document = malloc(2 * NESTED + 2);
	pthread_attr_t attributes;
	pthread_t thread;

	if (!document)
		return EXIT_FAILURE;
	memset(document, '[', NESTED);
	document[NESTED] = '1';
	memset(document + NESTED + 1, ']', NESTED);
	document[2 * NESTED + 1] = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (pthread_create(&thread, &attributes, run, document) != 0)
		return EXIT_FAILURE;
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
	free(document);
	return EXIT_SUCCESS;
}
