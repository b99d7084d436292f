/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* worker/run: analyzers take turns by priority, claims are capped and cleaned, and the most confident one wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "worker/run.h"

static char order[256]; /* names of the analyzers that ran */

static int note_turn(const char *name) {
	strncat(order, name, sizeof(order) - strlen(order) - 1);
	strncat(order, " ", sizeof(order) - strlen(order) - 1);
	return 0;
}

static struct core *core_begin(void) {
	static const struct cw_signal segv = { .number = 11, .name = "SIGSEGV", .description = "" };
	struct core *core = calloc(1, sizeof(*core));
	struct cw_fault *fault;

	assert_non_null(core);
	order[0] = 0;
	assert_int_equal(arena_new(MIB(64), &core->arena), 0);
	core->arch = &arch_x86_64;
	core->threads = arena_alloc(core->arena, sizeof(*core->threads));
	core->pub.threads = core->pub.crashed = core->threads;
	core->pub.n_threads = 1;
	fault = arena_alloc(core->arena, sizeof(*fault));
	fault->signal = core->pub.signal = segv;
	core->pub.fault = fault;
	return core;
}

static void core_end(struct core **core) {
	arena_free((*core)->arena);
	free(*core);
}
#define _cleanup_core_ _cleanup_(core_end)
#define _cleanup_run_ _cleanup_(run_done)

static struct plugins table(const struct cw_analyzer *const *list, size_t n) {
	struct plugins p = {};

	for (size_t i = 0; i < n; i++)
		p.list[p.n++] = (struct plugin){ .analyzer = list[i], .origin = "test", .enabled = true };
	return p;
}

#define ANALYZER(id, prio, function) \
	static const struct cw_analyzer id = { .abi = CW_ANALYZER_ABI, .name = #id, .summary = #id, .priority = (prio), .run = (function) }

static int run_first(const struct cw_core *core, struct cw_run *run) {
	enum cw_confidence c;

	(void)core;
	assert_false(cw_earlier_finding(run, NULL, &c));
	cw_finding_add(run, "sure", CW_LIKELY, "number %d", 1);
	cw_finding_supports(cw_finding_add(run, "measured", CW_CERTAIN, "support"));
	/* One's own claims are not earlier ones. */
	assert_false(cw_earlier_finding(run, NULL, &c));
	return note_turn("first");
}
ANALYZER(first, 10, run_first);

static int run_second(const struct cw_core *core, struct cw_run *run) {
	enum cw_confidence c = 0;

	(void)core;
	assert_true(cw_earlier_finding(run, NULL, &c));
	assert_int_equal(c, CW_LIKELY); /* what only supports does not count */
	assert_true(cw_earlier_finding(run, "sure", &c));
	assert_false(cw_earlier_finding(run, "measured", &c));
	assert_false(cw_earlier_finding(run, "other", &c));
	cw_finding_add(run, "other", CW_CERTAIN, "number 2");
	return note_turn("second");
}
ANALYZER(second, 5, run_second);

static int run_failing(const struct cw_core *core, struct cw_run *run) {
	(void)core;
	cw_finding_add(run, "before-failing", CW_POSSIBLE, "found before");
	note_turn("failing");
	return -EIO;
}
ANALYZER(failing, 4, run_failing);

static bool never(const struct cw_core *core) {
	(void)core;
	return false;
}

static int run_unwanted(const struct cw_core *core, struct cw_run *run) {
	(void)core, (void)run;
	fail_msg("an analyzer ran that should not");
	return 0;
}
static const struct cw_analyzer not_applying = { .name = "not-applying", .run = run_unwanted, .applies = never };
ANALYZER(disabled, 0, run_unwanted);

static void test_turns(void **state) {
	static const struct cw_analyzer *const list[] = { &first, &not_applying, &second, &disabled, &failing };
	struct plugins plugins = table(list, ELEMENTSOF(list));
	_cleanup_core_ struct core *core = core_begin();
	_cleanup_run_ struct cw_run run = {};

	(void)state;
	plugins.list[3].enabled = false;
	assert_int_equal(run_analyzers(core, &plugins, &run), 0);
	assert_string_equal(order, "first second failing ");
	assert_int_equal(run.n_findings, 4);
	assert_string_equal(run.findings[0].summary, "number 1");
	assert_ptr_equal(run.findings[2].analyzer, &second);
	/* The most confident that is no mere support. */
	assert_string_equal(run_verdict(&run)->id, "other");
	/* What failed is said, and what it had found stays. */
	assert_string_equal(run.findings[3].id, "before-failing");
	assert_int_equal(core->n_problems, 1);
	assert_non_null(strstr(core->problems[0].message, "failing"));
}

static int run_equal(const struct cw_core *core, struct cw_run *run) {
	(void)core;
	cw_finding_add(run, run->analyzer->name, CW_CERTAIN, "claim");
	return 0;
}
ANALYZER(low, 1, run_equal);
ANALYZER(high, 9, run_equal);

static void test_verdict_by_priority(void **state) {
	static const struct cw_analyzer *const list[] = { &low, &high, &low };
	struct plugins plugins = table(list, ELEMENTSOF(list));
	_cleanup_core_ struct core *core = core_begin();
	_cleanup_run_ struct cw_run run = {};

	(void)state;
	assert_int_equal(run_analyzers(core, &plugins, &run), 0);
	assert_string_equal(run_verdict(&run)->id, "high");
}

static int run_supports(const struct cw_core *core, struct cw_run *run) {
	(void)core;
	cw_finding_supports(cw_finding_add(run, "x", CW_CERTAIN, "x"));
	return 0;
}
ANALYZER(supports, 1, run_supports);

static void test_no_verdict(void **state) {
	static const struct cw_analyzer *const list[] = { &supports };
	struct plugins plugins = table(list, 1), none = {};
	_cleanup_core_ struct core *core = core_begin();
	_cleanup_run_ struct cw_run run = {}, nothing = {};

	(void)state;
	assert_int_equal(run_analyzers(core, &plugins, &run), 0);
	assert_null(run_verdict(&run));
	assert_int_equal(run_analyzers(core, &none, &nothing), 0);
	assert_null(run_verdict(&nothing));
}

static int run_greedy(const struct cw_core *core, struct cw_run *run) {
	(void)core;
	for (unsigned i = 0; i < 3 * FINDINGS_MAX; i++) {
		struct cw_finding *f = cw_finding_add(run, "many", CW_POSSIBLE, "%u", i);

		assert_non_null(f);
		for (unsigned k = 0; k < 3 * EVIDENCE_MAX; k++) {
			cw_finding_evidence(f, "evidence %u", k);
			cw_finding_suggest(f, "do", "command", "suggestion %u", k);
			cw_fact_integer(f, "n", k);
			cw_fact_append(f, "list", "x");
		}
		cw_finding_detail(f, "detail");
		cw_finding_supports(f);
	}
	return 0;
}
ANALYZER(greedy, 1, run_greedy);

static void test_caps(void **state) {
	static const struct cw_analyzer *const list[] = { &greedy, &low };
	struct plugins plugins = table(list, ELEMENTSOF(list));
	_cleanup_core_ struct core *core = core_begin();
	_cleanup_run_ struct cw_run run = {};

	(void)state;
	assert_int_equal(run_analyzers(core, &plugins, &run), 0);
	assert_int_equal(run.n_findings, FINDINGS_MAX);
	assert_int_equal(run.findings[0].n_evidence, EVIDENCE_MAX);
	assert_int_equal(run.findings[0].n_suggestions, SUGGESTIONS_MAX);
	assert_true(core->n_problems >= 1);
	assert_non_null(strstr(core->problems[0].message, "greedy"));
}

static int run_dirty(const struct cw_core *core, struct cw_run *run) {
	static char longest[9000];
	struct cw_finding *f = cw_finding_add(run, "dirty", CW_POSSIBLE, "a\033[31mb\nc\xff\xc0\xaf%s", "\xe2\x80\xae");

	(void)core;
	memset(longest, 'x', sizeof(longest) - 1);
	memcpy(longest + 297, "\xc3\xa4\xc3\xa4\xc3\xa4", 6);
	cw_finding_detail(f, "%s", "\x1b]0;title\x07");
	cw_finding_evidence(f, "%s", "tab\there");
	cw_finding_suggest(f, "id", "rm\n-rf", "%s", "\x9b" "1m");
	cw_fact_string(f, "string", "\x1b[0m\xff");
	cw_fact_string(f, "none", NULL);
	cw_fact_append(f, "list", "\x7f");
	cw_fact_address(f, "address", UINT64_MAX);
	cw_fact_boolean(f, "boolean", true);
	cw_fact_integer(f, "integer", INT64_MIN);
	cw_finding_add(run, "long", CW_POSSIBLE, "%s", longest);
	return 0;
}
ANALYZER(dirty, 1, run_dirty);

static void check_clean(const char *s) {
	for (; *s; s++)
		assert_true((unsigned char)*s >= 0x20 && *s != 0x7f && *s != '\xff');
}

/* Findings quote the crashed process; what it wrote must not reach a terminal. */
static void test_cleaning(void **state) {
	static const struct cw_analyzer *const list[] = { &dirty };
	struct plugins plugins = table(list, 1);
	_cleanup_core_ struct core *core = core_begin();
	_cleanup_run_ struct cw_run run = {};
	const struct cw_finding *f;
	json_object *o = NULL;

	(void)state;
	assert_int_equal(run_analyzers(core, &plugins, &run), 0);
	f = &run.findings[0];
	assert_string_equal(f->summary, "a?[31mb?c\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd?");
	check_clean(f->detail);
	check_clean(f->evidence[0]);
	check_clean(f->suggestions[0].text);
	check_clean(f->suggestions[0].command);
	assert_true(json_object_object_get_ex(f->facts, "string", &o));
	check_clean(json_object_get_string(o));
	assert_true(json_object_object_get_ex(f->facts, "none", &o));
	assert_null(o);
	assert_true(json_object_object_get_ex(f->facts, "list", &o));
	check_clean(json_object_get_string(json_object_array_get_idx(o, 0)));
	assert_true(json_object_object_get_ex(f->facts, "address", &o));
	assert_string_equal(json_object_get_string(o), "0xffffffffffffffff");
	assert_true(json_object_object_get_ex(f->facts, "integer", &o));
	assert_true(json_object_get_int64(o) == INT64_MIN);
	assert_true(strlen(run.findings[1].summary) <= SUMMARY_MAX);
	assert_non_null(strstr(run.findings[1].summary, "…"));
	assert_null(strstr(run.findings[1].summary, "\xc3…"));
}

/* What is pasted into a shell is one word of it, whatever a program is called. */
static void test_shell_word(void **state) {
	static const struct { const char *in, *out; } cases[] = {
		{ "/usr/bin/x-1.2_y", "/usr/bin/x-1.2_y" }, { "/a b", "'/a b'" }, { "/x;id", "'/x;id'" }, { "$(id)", "'$(id)'" },
		{ "/it's", "'/it'\\''s'" }, { "'", "''\\'''" }, { "", "''" }, { "-x", "./'-x'" }, { "~", "'~'" }, { "a\nb", "'a\nb'" },
	};
	_cleanup_core_ struct core *core = core_begin();

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		assert_string_equal(cw_shell_word(&core->pub, cases[i].in), cases[i].out);
	assert_null(cw_shell_word(&core->pub, NULL));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns), cmocka_unit_test(test_verdict_by_priority), cmocka_unit_test(test_no_verdict),
		cmocka_unit_test(test_caps),  cmocka_unit_test(test_cleaning),  cmocka_unit_test(test_shell_word),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
