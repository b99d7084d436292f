/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A server's worth of threads, each a dozen calls deep in its work and waiting; the last one to be ready crashes. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER, never = PTHREAD_COND_INITIALIZER;
static int n_ready;

struct request {
	int id;
	char text[64];
};

static __attribute__((noinline)) int wait_for_reply(struct request *r) {
	pthread_mutex_lock(&lock);
	n_ready++;
	pthread_cond_signal(&ready);
	while (r->id >= 0)
		pthread_cond_wait(&never, &lock);
	pthread_mutex_unlock(&lock);
	return r->id;
}

#define LEVEL(name, next) \
	static __attribute__((noinline)) int name(struct request *r) { \
		char copy[96]; \
		snprintf(copy, sizeof(copy), "%s/%d", r->text, r->id); \
		return next(r) + copy[0]; \
	}

LEVEL(send_query, wait_for_reply)
LEVEL(run_statement, send_query)
LEVEL(load_rows, run_statement)
LEVEL(find_user, load_rows)
LEVEL(check_session, find_user)
LEVEL(authorize, check_session)
LEVEL(route, authorize)
LEVEL(handle_request, route)
LEVEL(serve_connection, handle_request)

static void *worker(void *argument) {
	struct request r = { (int)(size_t)argument, "GET /index.html" };

	return (void *)(size_t)serve_connection(&r);
}

int main(int argc, char **argv) {
	int n = argc > 1 ? atoi(argv[1]) : 200;
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	for (int i = 1; i < n; i++)
		if (pthread_create(&t, &attr, worker, (void *)(size_t)i) != 0)
			return 1;
	pthread_mutex_lock(&lock);
	while (n_ready < n - 1)
		pthread_cond_wait(&ready, &lock);
	*(volatile int *)NULL = 0;
	return 0;
}
