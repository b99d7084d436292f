/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* analyzers/signal*: what a wild pointer looks like, and the stack misused. */
#include "fake-host.h"

#include "signal-decode.h"

static struct cw_instruction instruction;
static uint64_t rax;

int decode_register(const struct decode *d, const char *name, uint64_t *ret_value) {
	(void)d;
	if (strcmp(name, "rax") != 0)
		return -ENOENT;
	*ret_value = rax;
	return 0;
}

/* The others of that file are not asked here. */
const char *decode_verb(enum cw_access access) {
	return access == CW_ACCESS_WRITE ? "wrote to" : "read from";
}
struct cw_finding *decode_claim(struct decode *d, const char *id, enum cw_confidence confidence, const char *format, ...) {
	return cw_finding_add(d->run, id, confidence, "%s", format);
}
const char *decode_who(const struct decode *d) {
	return d->place;
}
void decode_add_access(const struct decode *d, struct cw_finding *f) {
	(void)d, (void)f;
}

static struct decode scene(uint64_t pointer, uint64_t sp) {
	static struct cw_operand *operand = &instruction.operands[0];

	variable("unused", DATA);
	n_variables = 0;
	rax = pointer;
	instruction = (struct cw_instruction){ .text = "mov dword ptr [rax], 1", .n_operands = 1 };
	*operand = (struct cw_operand){ .is_memory = true, .has_address = true, .address = pointer, .base = "rax", .size = 4, .access = CW_ACCESS_WRITE };
	fault = (struct cw_fault){ .cause = CW_CAUSE_PAGE_FAULT, .has_address = true, .address = pointer, .sp = sp, .instruction = &instruction };
	fault.region = (struct cw_region){ .kind = CW_REGION_UNMAPPED, .address = pointer };
	core.mappings = mappings;
	core.n_mappings = sizeof(mappings) / sizeof(mappings[0]);
	for (size_t i = 0; i < core.n_mappings; i++)
		mappings[i].kind = mappings[i].start == HEAP ? CW_REGION_HEAP : mappings[i].start == STACK ? CW_REGION_STACK : CW_REGION_MODULE;
	thread.stack = (struct cw_stack){ .kind = CW_STACK_MAIN, .has_bounds = true, .low = STACK, .high = STACK + 0x10000 };
	return (struct decode){ .core = &core, .fault = &fault, .operand = operand, .place = "f()" };
}

static void check_hint(uint64_t pointer, const char *kind, const char *part) {
	struct decode d = scene(pointer, STACK + 0x8000);
	struct pointer_hint hint = { .kind = "unmapped" };

	hint_find(&d, &hint);
	assert_string_equal(hint.kind, kind);
	if (!part) {
		if (hint.evidence)
			fail_msg("0x%llx: %s", (unsigned long long)pointer, hint.evidence);
		return;
	}
	assert_non_null(hint.evidence);
	assert_non_null(hint.clause);
	assert_non_null(hint.advice);
	if (!strstr(hint.evidence, part))
		fail_msg("0x%llx: \"%s\" does not say \"%s\"", (unsigned long long)pointer, hint.evidence, part);
}

static void test_hints(void **state) {
	(void)state;
	check_hint(0x5a5a5a5a5a5a5a5a, "freed", "0x5a");
	check_hint(0xcdcdcdcdcdcdcdcd, "unmapped", "0xcd");
	check_hint(0xdeadbeefdeadbeef, "unmapped", "0xdeadbeef");
	check_hint(0x00007fffdeadbeef, "unmapped", "0xdeadbeef");
	check_hint(UINT64_MAX, "unmapped", "-1");
	check_hint((uint64_t)-22, "unmapped", "-22");
	check_hint(0x4141414141414141, "unmapped", "text");
	check_hint(0x0000636261646362, "unmapped", "text");
	check_hint(HEAP >> 12, "freed", ">> 12");
	check_hint((HEAP >> 12) ^ (HEAP + 0x40), "freed", "xor");
	check_hint((STACK + 0x100) ^ (UINT64_C(1) << 40), "unmapped", "bit 40");
	check_hint(0x0000123456789008, "unmapped", NULL);
	check_hint(0x0000000070000000, "unmapped", NULL);
}

/* Pointers with a mapping of their own are no riddle. */
static void test_mapped(void **state) {
	struct decode d = scene(DATA, STACK + 0x8000);
	struct pointer_hint hint = { .kind = "unmapped" };

	(void)state;
	fault.region.mapping = &mappings[2];
	hint_find(&d, &hint);
	assert_null(hint.evidence);
}

static void test_overrun(void **state) {
	struct decode d = scene(STACK + 0x10000, STACK + 0x8000);

	(void)state;
	assert_true(claim_stack(&d));
	assert_string_equal(finding.id, "stack-overrun");
	assert_int_equal(finding.confidence, CW_LIKELY);
	d = scene(STACK + 0x10000 + 8192, STACK + 0x8000);
	assert_false(claim_stack(&d));
	/* The thread is not on that stack. */
	d = scene(STACK + 0x10000, HEAP + 0x100);
	assert_false(claim_stack(&d));
}

static void test_stack_pointer(void **state) {
	struct decode d = scene(0x123456000 - 8, 0x123456000);

	(void)state;
	instruction.class_ = CW_INSN_PUSH;
	instruction.operands[0].implicit = true;
	instruction.operands[0].base = "rsp";
	thread.stack = (struct cw_stack){ .kind = CW_STACK_UNKNOWN };
	assert_true(claim_stack(&d));
	assert_string_equal(finding.id, "stack-pointer-corruption");
	assert_int_equal(finding.confidence, CW_CERTAIN);
	/* A push onto memory that is there is no wild stack. */
	d = scene(HEAP + 0x100, HEAP + 0x108);
	instruction.class_ = CW_INSN_PUSH;
	instruction.operands[0].implicit = true;
	instruction.operands[0].base = "rsp";
	assert_false(claim_stack(&d));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hints, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mapped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overrun, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stack_pointer, setup, teardown),
	};

	return cmocka_run_group_tests_name("analyzers-signal", tests, NULL, NULL);
}
