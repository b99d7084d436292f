/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Findings and the fingerprint as records. */
#include "worker/fingerprint.h"
#include "worker/record-private.h"

static json_object *suggestions_array(const struct cw_finding *f) {
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < f->n_suggestions; i++) {
		json_object *o = json_object_new_object();

		put_string(o, "id", f->suggestions[i].id);
		put_string(o, "text", f->suggestions[i].text);
		put_string(o, "command", f->suggestions[i].command);
		json_object_array_add(array, o);
	}
	return array;
}

static void record_finding(struct recorder *recorder, const struct cw_finding *f) {
	static const char *const confidences[] = { "possible", "possible", "likely", "certain" };
	json_object *o = record_new("finding"), *evidence = json_object_new_array();

	put_integer(o, "priority", f->analyzer->priority);
	if (f->supports)
		json_object_object_add(o, "supports", json_object_new_boolean(1));
	put_string(o, "analyzer", f->analyzer->name);
	put_string(o, "id", f->id);
	put_string(o, "confidence", confidences[f->confidence <= CW_CERTAIN ? f->confidence : CW_POSSIBLE]);
	put_string(o, "summary", f->summary);
	put_string(o, "detail", f->detail);
	for (size_t i = 0; i < f->n_evidence; i++)
		json_object_array_add(evidence, json_object_new_string(f->evidence[i]));
	json_object_object_add(o, "evidence", evidence);
	json_object_object_add(o, "facts", json_object_get(f->facts));
	json_object_object_add(o, "suggestions", suggestions_array(f));
	record_put(recorder, o);
}

void record_findings(struct recorder *recorder, const struct cw_run *run) {
	for (size_t i = 0; i < run->n_findings; i++)
		record_finding(recorder, &run->findings[i]);
}

void record_fingerprint(struct recorder *recorder, const struct cw_run *run) {
	json_object *o = record_new("fingerprint"), *basis = json_object_new_array();
	const struct cw_finding *verdict = run_verdict(run);
	json_object *culprit = NULL;
	struct fingerprint p;

	if (verdict && verdict->facts)
		json_object_object_get_ex(verdict->facts, "culprit", &culprit);
	if (fingerprint_make(run->core, verdict ? verdict->id : NULL, culprit ? json_object_get_string(culprit) : NULL, &p) >= 0) {
		put_string(o, "id", p.id);
		put_string(o, "build", p.build);
		put_string(o, "algorithm", p.algorithm);
		for (size_t i = 0; i < p.n_basis; i++)
			json_object_array_add(basis, json_object_new_string(p.basis[i]));
		json_object_object_add(o, "basis", basis);
		record_put(recorder, o);
		return;
	}
	json_object_put(basis);
	json_object_put(o);
}
