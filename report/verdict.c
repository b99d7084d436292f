/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a report concludes: the order of findings, the verdict, the fingerprint where the worker gave none, and how far
 * to trust it all. */
#include "report/build.h"
#include "report/json.h"
#include "report/shape.h"
#include "util/hash.h"
#include "util/protocol.h"

#include <inttypes.h>

const char *const outcome_names[] = {
	[REPORT_COMPLETE] = "complete", [REPORT_PARTIAL] = "partial", [REPORT_NOTHING] = "failed"
};

/* ── how the worker ended ── */

enum report_completeness verdict_outcome(const struct report_input *input, const struct records *records) {
	bool something = records->crash || records->stack || json_object_array_length(records->findings) > 0;

	if (!something)
		return REPORT_NOTHING;
	if (input->worker == REPORT_WORKER_EXITED && input->worker_code == WORKER_COMPLETE &&
	    json_get_true(records->end, "complete") && records->ignored == 0)
		return REPORT_COMPLETE;
	return REPORT_PARTIAL;
}

enum report_completeness report_completeness(json_object *report) {
	const char *word = json_get_string(report, "generator.outcome");

	for (size_t i = 0; word && i < 3; i++)
		if (streq(word, outcome_names[i]))
			return (enum report_completeness)i;
	/* A report of somebody else's making: judge it by what it has. */
	return json_get(report, "stack.frames") ? REPORT_COMPLETE : REPORT_PARTIAL;
}

static int add_warning(struct records *records, const char *stage, const char *message) {
	json_object *warning;
	int r;

	/* The worker may have filled the list: its last word makes room, as ours say whether to believe it. */
	if (json_object_array_length(records->warnings) >= RECORD_MAX_WARNINGS)
		json_object_array_del_idx(records->warnings, RECORD_MAX_WARNINGS - 1, 1);
	warning = json_object_new_object();
	r = json_append(records->warnings, warning);
	if (r >= 0)
		r = json_add_string(warning, "stage", stage, 64);
	return r >= 0 ? json_add_string(warning, "message", message, 1024) : r;
}

/* One sentence, or "" where all is well. */
static void worker_sentence(const struct report_input *input, const struct records *records, char *buffer,
                            size_t size) {
	char name[24];

	buffer[0] = 0;
	switch (input->worker) {
	case REPORT_WORKER_TIMEOUT:
		snprintf(buffer, size,
		         "the analysis took too long and was stopped; what it had found until then is in this report");
		break;
	case REPORT_WORKER_SIGNALED:
		snprintf(buffer, size, "the analysis died of %s; what it had found until then is in this report",
		         signal_name(input->worker_code, name));
		break;
	case REPORT_WORKER_NONE:
		snprintf(buffer, size, "there is no core to look at: only what the journal says is known");
		break;
	case REPORT_WORKER_EXITED:
		if (input->worker_code > WORKER_NOTHING || input->worker_code < 0)
			snprintf(buffer, size, "the analysis failed with exit code %d", input->worker_code);
		else if (!records->end && !records->failure)
			snprintf(buffer, size, "the analysis ended without finishing its report");
		break;
	}
}

int verdict_add_warnings(const struct report_input *input, struct records *records) {
	char sentence[256], text[768];
	int r = 0;

	worker_sentence(input, records, sentence, sizeof(sentence));
	if (sentence[0] || input->worker_message) {
		snprintf(text, sizeof(text), "%s%s%s", sentence, sentence[0] && input->worker_message ? ": " : "",
		         input->worker_message ? input->worker_message : "");
		r = add_warning(records, "worker", text);
	}
	if (r >= 0 && records->failure)
		r = add_warning(records, json_get_string(records->failure, "stage") ?: "worker",
		                json_get_string(records->failure, "message") ?: "the core could not be analysed");
	if (r >= 0 && records->ignored > 0) {
		snprintf(text, sizeof(text),
		         "%" PRIu64 " parts of the analysis were malformed or too many, and were left out",
		         records->ignored);
		r = add_warning(records, "worker", text);
	}
	return r;
}

/* ── findings ── */

static int confidence_rank(json_object *finding) {
	static const char *const words[] = { "possible", "likely", "certain" };
	const char *word = json_get_string(finding, "confidence");

	for (int i = 0; word && i < (int)ELEMENTSOF(words); i++)
		if (streq(word, words[i]))
			return i;
	return -1;
}

/* More telling than b: claims before measurements, then by confidence, then by priority. */
static bool goes_before(json_object *a, json_object *b) {
	bool supports_a = json_get_true(a, "supports"), supports_b = json_get_true(b, "supports");
	int64_t priority_a = 0, priority_b = 0;

	if (supports_a != supports_b)
		return supports_b;
	if (confidence_rank(a) != confidence_rank(b))
		return confidence_rank(a) > confidence_rank(b);
	json_get_integer(a, "priority", &priority_a);
	json_get_integer(b, "priority", &priority_b);
	return priority_a > priority_b;
}

/* Insertion sort: stable, and the list has RECORD_MAX_FINDINGS items at most. The array given is left as it is. */
static int sort_findings(json_object *findings, json_object **sorted) {
	size_t n = json_object_array_length(findings);

	for (size_t i = 0; i < n; i++) {
		json_object *finding = json_object_array_get_idx(findings, i);
		size_t k = i;

		for (; k > 0 && goes_before(finding, sorted[k - 1]); k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = finding;
	}
	return (int)n;
}

/* The verdict where nothing was claimed: what is known is the signal. */
static json_object *unknown_finding(json_object *report) {
	const char *name = json_get_string(report, "crash.signal.name"),
		   *text = json_get_string(report, "crash.signal.description");
	_cleanup_json_ json_object *finding = json_object_new_object();
	char summary[300];
	int r;

	if (!name || streq(name, "SIGUNKNOWN"))
		snprintf(summary, sizeof(summary), "the process crashed, and nothing could be shown about why");
	else
		snprintf(summary, sizeof(summary), "%s%s%.100s%s, cause unknown", name, text ? " (" : "",
		         text ? text : "", text ? ")" : "");
	r = finding ? json_add_string(finding, "analyzer", "corewatch", 64) : -ENOMEM;
	if (r >= 0)
		r = json_add_string(finding, "id", "unknown", 64);
	if (r >= 0)
		r = json_add_string(finding, "confidence", "possible", 64);
	if (r >= 0)
		r = json_add_string(finding, "summary", summary, sizeof(summary));
	return r >= 0 ? take_ptr(finding) : NULL;
}

int verdict_add(json_object *report, struct records *records) {
	json_object *sorted[RECORD_MAX_FINDINGS], *verdict = NULL, *list;
	int n = sort_findings(records->findings, sorted), r;

	if (n > 0 && !json_get_true(sorted[0], "supports"))
		verdict = json_copy(sorted[0]);
	else
		verdict = unknown_finding(report);
	if (!verdict)
		return -ENOMEM;
	json_drop(verdict, "priority");
	r = json_add(report, "verdict", verdict);
	if (r < 0)
		return r;
	list = json_object_new_array();
	r = json_add(report, "findings", list);
	/* "Of every analyzer, the verdict included." A full list gives up its last item for it. */
	if (r >= 0 && (n == 0 || json_get_true(sorted[0], "supports"))) {
		r = json_append(list, json_copy(verdict));
		n = MIN(n, RECORD_MAX_FINDINGS - 1);
	}
	for (int i = 0; i < n && r >= 0; i++) {
		json_drop(sorted[i], "priority");
		r = json_append(list, json_object_get(sorted[i]));
	}
	return r;
}

/* ── fingerprint ── */

/* "0:signal-exe": the coarsest identity there is. Two different bugs of one program may share it; its algorithm says
 * so. */
int verdict_add_fingerprint(json_object *report, struct records *records) {
	const char *exe = json_get_string(report, "process.executable.path"),
		   *signal = json_get_string(report, "crash.signal.name");
	_cleanup_(hash_freep) struct hash *hash = NULL;
	char text[HASH_TEXT_SIZE];
	json_object *fingerprint, *basis;
	int r;

	if (records->fingerprint) {
		json_drop(records->fingerprint, "seen");
		json_drop(records->fingerprint, "first_seen");
		return json_add(report, "fingerprint", take_ptr(records->fingerprint));
	}
	r = hash_new(&hash);
	if (r < 0)
		return r;
	hash_add_string(hash, exe);
	hash_add_string(hash, signal);
	hash_finish(hash, text);
	fingerprint = json_object_new_object();
	r = json_add(report, "fingerprint", fingerprint);
	if (r >= 0)
		r = json_add_string(fingerprint, "id", text, 64);
	if (r >= 0)
		r = json_add_string(fingerprint, "algorithm", "0:signal-exe", 64);
	if (r < 0)
		return r;
	basis = json_object_new_array();
	r = json_add(fingerprint, "basis", basis);
	if (r >= 0)
		r = json_append(basis, json_new_clean_string(exe ? exe : "", exe ? strlen(exe) : 0, 1024));
	return r >= 0 ? json_append(basis, json_new_clean_string(signal ? signal : "", signal ? strlen(signal) : 0, 64))
	              : r;
}

int report_set_seen(json_object *report, uint64_t seen, uint64_t first_seen_usec) {
	json_object *fingerprint = json_get_object(report, "fingerprint");
	int r;

	if (!fingerprint || seen == 0)
		return -EINVAL;
	r = json_add_integer(fingerprint, "seen", (int64_t)MIN(seen, (uint64_t)INT64_MAX));
	return r >= 0 ? json_add_time(fingerprint, "first_seen", first_seen_usec) : r;
}

/* ── reports read back ── */

/* A whole report has at most the records' containers with some ten values each. */
#define REPORT_VALUES_MAX (2 * 1024 * 1024)
/* Records nest below it, in "threads" and "stack". */
#define REPORT_DEPTH_MAX (RECORD_DEPTH_MAX + 4)

bool report_is_valid(json_object *report) {
	const char *schema = json_get_string(report, "schema");

	return schema && streq(schema, "corewatch.report/1") && shape_matches(&shape_report, report);
}

int report_parse(const char *json, size_t length, json_object **ret_report) {
	_cleanup_json_ json_object *report = NULL;
	int r;

	if (length > RECORDS_MAX)
		return -EFBIG;
	r = json_parse(json, length, REPORT_DEPTH_MAX, REPORT_VALUES_MAX, &report);
	if (r < 0)
		return r;
	errno = 0;
	if (!report_is_valid(report))
		return errno == ENOMEM ? -ENOMEM : -EBADMSG; /* it makes clean copies of strings to compare them with */
	*ret_report = take_ptr(report);
	return 0;
}
