/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See suppress.h. One batch for each user whose crashes are being counted; a batch becomes an entry when its window is
 * over or it is full. Of tickets a batch keeps its oldest one only, which holds up the saved cursor for all of them.
 */
#include "daemon/suppress.h"

#include <inttypes.h>

#include "report/report.h"
#include "util/io.h"
#include "util/log.h"
#include "util/text.h"

/* journald takes 1024 fields in an entry (systemd's journal-importer.h); the other ones need some. */
#define IDS_MAX 1000
/* Programs that the message names; the rest is "others". */
#define PROGRAMS_MAX 4
/* Users whose crashes are counted at a time. Subordinate uids make many of one person: the oldest batch goes early. */
#define BATCHES_MAX 128
/* Ids, counts of reasons, and the fixed ones. */
#define FIELDS_MAX (IDS_MAX + _SUPPRESS_MAX + 16)

static const struct {
	const char *field, *words;
} reasons[_SUPPRESS_MAX] = {
	[SUPPRESS_ALIKE] = { "COREWATCH_SUPPRESSED_ALIKE", "too many alike" },
	[SUPPRESS_PROGRAM] = { "COREWATCH_SUPPRESSED_PROGRAM", "too many of one program" },
	[SUPPRESS_TOTAL] = { "COREWATCH_SUPPRESSED_TOTAL", "too many in all" },
	[SUPPRESS_MUTED] = { "COREWATCH_SUPPRESSED_MUTED", "muted" },
	[SUPPRESS_SKIPPED] = { "COREWATCH_SUPPRESSED_SKIPPED", "skipped by the configuration" },
	[SUPPRESS_LOST] = { "COREWATCH_SUPPRESSED_LOST", "vacuumed from the journal before their turn" },
};

struct program {
	char *name;
	unsigned n;
};

struct batch {
	struct suppressor *suppressor;
	struct batch *next;
	uint32_t uid, gid;
	bool as_owner;
	unsigned counts[_SUPPRESS_MAX];
	struct program programs[PROGRAMS_MAX];
	char (*ids)[HASH_TEXT_SIZE];
	size_t n, room;
	struct ticket *ticket;
	sd_event_source *timer;
	struct submit *submit; /* being sent; takes no more */
};

struct suppressor {
	struct suppress_setup setup;
	struct batch *batches; /* newest first */
	uint64_t n;
};

int suppress_new(const struct suppress_setup *setup, struct suppressor **ret_suppressor) {
	struct suppressor *suppressor = calloc(1, sizeof(*suppressor));

	if (!suppressor)
		return -ENOMEM;
	suppressor->setup = *setup;
	*ret_suppressor = suppressor;
	return 0;
}

static void batch_free(struct batch *batch) {
	for (struct batch **at = &batch->suppressor->batches; *at; at = &(*at)->next)
		if (*at == batch) {
			*at = batch->next;
			break;
		}
	sd_event_source_disable_unref(batch->timer);
	submit_free(batch->submit);
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		free(batch->programs[i].name);
	free(batch->ids);
	free(batch);
}

void suppress_free(struct suppressor *suppressor) {
	if (!suppressor)
		return;
	while (suppressor->batches)
		batch_free(suppressor->batches);
	free(suppressor);
}

/* ── the entry ── */

static int make_message(const struct batch *batch, char **ret_message) {
	_cleanup_free_ char *message = NULL;
	_cleanup_fclose_ FILE *out = NULL;
	const char *separator = ": ";
	unsigned others = (unsigned)batch->n;
	size_t length;
	int r;

	out = open_memstream(&message, &length);
	if (!out)
		return -ENOMEM;
	fprintf(out, "%zu %s of uid %" PRIu32 " not analysed", batch->n, batch->n == 1 ? "crash" : "crashes",
	        batch->uid);
	for (size_t i = 0; i < _SUPPRESS_MAX; i++)
		if (batch->counts[i] > 0) {
			fprintf(out, "%s%u %s", separator, batch->counts[i], reasons[i].words);
			separator = ", ";
		}
	separator = " (";
	for (size_t i = 0; i < PROGRAMS_MAX && batch->programs[i].name; i++) {
		const char *path = batch->programs[i].name, *slash = strrchr(path, '/');
		char name[64];

		path = slash ? slash + 1 : path;
		text_clean(path, strlen(path), name, sizeof(name));
		fprintf(out, "%s%u %s", separator, batch->programs[i].n, name);
		separator = ", ";
		others -= batch->programs[i].n;
	}
	if (others > 0)
		fprintf(out, "%s%u others", separator, others);
	fputc(')', out);
	r = memstream_close(take_ptr(out), &message);
	if (r < 0)
		return r;
	text_ellipsize(message, REPORT_MESSAGE_MAX);
	*ret_message = take_ptr(message);
	return 0;
}

static int add_number(struct submit_fields *fields, const char *name, uint64_t value) {
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return submit_fields_add(fields, name, text);
}

/* Like submit_fields_add(), for a field that comes many times. */
static int add_id(struct submit_fields *fields, const char *id) {
	char *field;
	int n = asprintf(&field, "COREWATCH_SUPPRESSED_ID=%s", id);

	if (n < 0)
		return -ENOMEM;
	fields->iov[fields->n++] = (struct iovec){ field, (size_t)n };
	return 0;
}

static int fill(const struct batch *batch, struct submit_fields *fields) {
	static const struct { const char *name, *value; } fixed[] = {
		{ "MESSAGE_ID", COREWATCH_MESSAGE_ID_SUPPRESSED },
		{ "PRIORITY", "4" },
		{ "SYSLOG_IDENTIFIER", "corewatch" },
	};
	_cleanup_free_ char *message = NULL;
	int r = make_message(batch, &message);

	if (r >= 0)
		r = submit_fields_add(fields, "MESSAGE", message);
	for (size_t i = 0; i < ELEMENTSOF(fixed) && r >= 0; i++)
		r = submit_fields_add(fields, fixed[i].name, fixed[i].value);
	if (r >= 0)
		r = add_number(fields, "COREWATCH_UID", batch->uid);
	if (r >= 0 && batch->n == batch->programs[0].n)
		r = submit_fields_add(fields, "COREWATCH_EXE", batch->programs[0].name);
	if (r >= 0)
		r = add_number(fields, "COREWATCH_SUPPRESSED", batch->n);
	for (size_t i = 0; i < _SUPPRESS_MAX && r >= 0; i++)
		if (batch->counts[i] > 0)
			r = add_number(fields, reasons[i].field, batch->counts[i]);
	for (size_t i = 0; i < batch->n && r >= 0; i++)
		r = add_id(fields, batch->ids[i]);
	return r;
}

static void on_sent(int result, void *userdata) {
	struct batch *batch = userdata;
	const struct suppressor *suppressor = batch->suppressor;
	const struct suppressed first = {
		.id = batch->ids[0], .uid = batch->uid, .gid = batch->gid, .as_owner = batch->as_owner
	};

	if (result < 0)
		log_error("%zu crashes of uid %" PRIu32 " were not analysed, and the journal does not take that in",
		          batch->n, batch->uid);
	suppressor->setup.done(batch->ticket, &first, result >= 0, suppressor->setup.userdata);
	batch_free(batch);
}

static int send_batch(struct batch *batch) {
	const struct submit_sender sender = { .as_owner = batch->as_owner, .uid = batch->uid, .gid = batch->gid };
	struct submit_fields fields = { .iov = calloc(FIELDS_MAX, sizeof(*fields.iov)) };
	int r;

	batch->timer = sd_event_source_disable_unref(batch->timer);
	if (!fields.iov)
		return -ENOMEM;
	r = fill(batch, &fields);
	if (r < 0) {
		submit_fields_done(&fields);
		return r;
	}
	return submit_start(batch->suppressor->setup.event, &batch->suppressor->setup.submit, &sender,
	                    "a summary of crashes that were not analysed", &fields, on_sent, batch, &batch->submit);
}

static int on_window_end(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
	return send_batch(userdata);
}

/* ── counting ── */

/* An open batch for this crash, or NULL; the number of all, and the oldest that is open. */
static struct batch *find(struct suppressor *suppressor, const struct suppressed *crash, size_t *ret_n,
                          struct batch **ret_oldest) {
	struct batch *found = NULL;

	*ret_n = 0;
	*ret_oldest = NULL;
	for (struct batch *batch = suppressor->batches; batch; batch = batch->next) {
		++*ret_n;
		if (batch->submit)
			continue;
		*ret_oldest = batch;
		if (batch->uid == crash->uid && batch->as_owner == crash->as_owner)
			found = batch;
	}
	return found;
}

static int open_batch(struct suppressor *suppressor, const struct suppressed *crash, uint64_t window_usec,
                      struct batch **ret_batch) {
	struct batch *oldest, *batch;
	size_t n;
	int r;

	*ret_batch = find(suppressor, crash, &n, &oldest);
	if (*ret_batch)
		return 0;
	if (n >= BATCHES_MAX && oldest) {
		r = send_batch(oldest);
		if (r < 0)
			return r;
	}
	batch = calloc(1, sizeof(*batch));
	if (!batch)
		return -ENOMEM;
	*batch = (struct batch){ .suppressor = suppressor,
		                 .next = suppressor->batches,
		                 .uid = crash->uid,
		                 .gid = crash->gid,
		                 .as_owner = crash->as_owner };
	suppressor->batches = batch;
	r = sd_event_add_time_relative(suppressor->setup.event, &batch->timer, CLOCK_MONOTONIC, window_usec, 0,
	                               on_window_end, batch);
	/* A summary that cannot be made ends the daemon; the next one counts again. */
	if (r >= 0)
		r = sd_event_source_set_exit_on_failure(batch->timer, true);
	if (r < 0)
		return r;
	*ret_batch = batch;
	return 0;
}

static int count_program(struct batch *batch, const char *name) {
	for (size_t i = 0; i < PROGRAMS_MAX; i++) {
		struct program *program = &batch->programs[i];

		if (program->name && !streq(program->name, name))
			continue;
		if (!program->name) {
			program->name = strdup(name);
			if (!program->name)
				return -ENOMEM;
		}
		program->n++;
		return 0;
	}
	return 0;
}

static int put_id(struct batch *batch, const char *id) {
	if (batch->n == batch->room) {
		size_t room = MIN(MAX(batch->room * 2, (size_t)16), (size_t)IDS_MAX);
		void *grown = reallocarray(batch->ids, room, sizeof(*batch->ids));

		if (!grown)
			return -ENOMEM;
		batch->ids = grown;
		batch->room = room;
	}
	snprintf(batch->ids[batch->n++], sizeof(*batch->ids), "%s", id);
	return 0;
}

int suppress_add(struct suppressor *suppressor, const struct suppressed *crash, struct ticket *ticket,
                 uint64_t window_usec) {
	struct batch *batch;
	int r = open_batch(suppressor, crash, window_usec, &batch);

	if (r >= 0)
		r = put_id(batch, crash->id);
	if (r >= 0)
		r = count_program(batch, crash->program);
	if (r < 0)
		return r;
	batch->counts[crash->reason]++;
	suppressor->n++;
	if (!batch->ticket)
		batch->ticket = ticket;
	else if (progress_is_older(ticket, batch->ticket)) {
		progress_end(suppressor->setup.progress, batch->ticket);
		batch->ticket = ticket;
	} else
		progress_end(suppressor->setup.progress, ticket);
	return batch->n == IDS_MAX ? send_batch(batch) : 0;
}

void suppress_flush(struct suppressor *suppressor) {
	for (struct batch *batch = suppressor->batches; batch; batch = batch->next)
		if (!batch->submit && send_batch(batch) < 0)
			log_error("a summary of crashes that were not analysed cannot be made, "
			          "they are looked at again after the next start");
}

bool suppress_is_sending(const struct suppressor *suppressor) {
	for (const struct batch *batch = suppressor->batches; batch; batch = batch->next)
		if (batch->submit)
			return true;
	return false;
}

bool suppress_is_waiting(const struct suppressor *suppressor) {
	for (const struct batch *batch = suppressor->batches; batch; batch = batch->next)
		if (!batch->submit || !submit_is_waiting(batch->submit))
			return false;
	return true;
}

uint64_t suppress_count(const struct suppressor *suppressor) {
	return suppressor->n;
}
