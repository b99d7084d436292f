/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aarch64's instructions: operands and their addresses, what is a call, and what a prologue has done. Encodings are GNU as's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core-writer.h"
#include "core/insn.h"

#define CODE UINT64_C(0xaaaa00000000)
#define LINK UINT64_C(0xaaaa00000800)

enum {
	BL = 0x94000001,        /* bl .+4 */
	RET = 0xd65f03c0,
	NOP = 0xd503201f,
	STP_FRAME = 0xa9be7bfd, /* stp x29, x30, [sp, #-0x20]! */
	MOV_FRAME = 0x910003fd, /* mov x29, sp */
};

static const struct {
	uint32_t insn;
	const char *text;
	enum cw_instruction_class class_;
	uint64_t address; /* of the memory operand or the target; 0: none */
	uint32_t size;
	enum cw_access access;
} instructions[] = {
	{ 0xf8408420, "ldr x0, [x1], #8", CW_INSN_OTHER, 0x1000, 8, CW_ACCESS_READ },
	{ 0xb8404c20, "ldr w0, [x1, #4]!", CW_INSN_OTHER, 0x1004, 4, CW_ACCESS_READ },
	{ 0xf8627820, "ldr x0, [x1, x2, lsl #3]", CW_INSN_OTHER, 0x1000 + 8 * UINT64_C(0xfffffffe), 8, CW_ACCESS_READ },
	{ 0xb862d823, "ldr w3, [x1, w2, sxtw #2]", CW_INSN_OTHER, 0x1000 - 8, 4, CW_ACCESS_READ },
	{ 0xb8a26823, "ldrsw x3, [x1, x2]", CW_INSN_OTHER, 0x1000 + UINT64_C(0xfffffffe), 4, CW_ACCESS_READ },
	{ 0xa8c27bfd, "ldp x29, x30, [sp], #0x20", CW_INSN_POP, 0x8000, 16, CW_ACCESS_READ },
	{ 0xa9b17bfd, "stp x29, x30, [sp, #-0xf0]!", CW_INSN_PUSH, 0x8000 - 0xf0, 16, CW_ACCESS_WRITE },
	{ 0xad010420, "stp q0, q1, [x1, #0x20]", CW_INSN_OTHER, 0x1020, 32, CW_ACCESS_WRITE },
	{ 0x39000c22, "strb w2, [x1, #3]", CW_INSN_OTHER, 0x1003, 1, CW_ACCESS_WRITE },
	{ 0xb900003f, "str wzr, [x1]", CW_INSN_OTHER, 0x1000, 4, CW_ACCESS_WRITE },
	{ 0xc8027c20, "stxr w2, x0, [x1]", CW_INSN_OTHER, 0x1000, 8, CW_ACCESS_WRITE },
	{ 0x4cdfa020, "ld1 {v0.16b, v1.16b}, [x1], #0x20", CW_INSN_OTHER, 0x1000, 32, CW_ACCESS_READ },
	{ 0xd50b7421, "dc zva, x1", CW_INSN_OTHER, 0x1000, 64, CW_ACCESS_WRITE },
	{ 0x58000080, "ldr x0, #0xaaaa00000010", CW_INSN_OTHER, CODE + 16, 8, CW_ACCESS_READ },
	{ 0xf9800020, "prfm pldl1keep, [x1]", CW_INSN_OTHER, 0, 0, CW_ACCESS_UNKNOWN },
	{ 0xd63f0020, "blr x1", CW_INSN_CALL, 0x1000, 0, CW_ACCESS_EXEC },
	{ 0xd61f0020, "br x1", CW_INSN_JUMP, 0x1000, 0, CW_ACCESS_EXEC },
	{ 0xd65f03c0, "ret", CW_INSN_RET, LINK, 0, CW_ACCESS_EXEC },
	{ 0x94000002, "bl #0xaaaa00000008", CW_INSN_CALL, 0, 0, CW_ACCESS_UNKNOWN },
	{ 0xd4207d00, "brk #0x3e8", CW_INSN_UNDEFINED, 0, 0, CW_ACCESS_UNKNOWN },
	{ 0xd4200000, "brk #0", CW_INSN_TRAP, 0, 0, CW_ACCESS_UNKNOWN },
	{ 0xd4000001, "svc #0", CW_INSN_SYSCALL, 0, 0, CW_ACCESS_UNKNOWN },
	{ 0xd5381000, "mrs x0, sctlr_el1", CW_INSN_PRIVILEGED, 0, 0, CW_ACCESS_UNKNOWN },
	{ 0xd53bd040, "mrs x0, tpidr_el0", CW_INSN_OTHER, 0, 0, CW_ACCESS_UNKNOWN },
};

static void test_instructions(void **state) {
	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(instructions); i++) {
		_cleanup_(writer_freep) struct writer *w = writer_new(EM_AARCH64);
		_cleanup_(core_freep) struct core *core = NULL;
		const struct cw_operand *memory = NULL;
		const struct cw_instruction *insn;

		writer_map(w, CODE, 0x1000, "rx", 0x1000);
		writer_bytes(w, CODE, &instructions[i].insn, 4);
		writer_thread(w, 100, "pc", CODE, "sp", UINT64_C(0x8000), "x1", UINT64_C(0x1000), "x2", UINT64_C(0xfffffffe),
		              "x30", LINK, NULL);
		core = writer_load(w, UNPACK_PLAIN, NULL);
		insn = insn_decode(core, CODE, core->threads[0].registers);
		assert_non_null(insn);
		assert_string_equal(insn->text, instructions[i].text);
		assert_int_equal(insn->class_, instructions[i].class_);
		assert_int_equal(insn->length, 4);
		for (size_t k = 0; k < insn->n_operands; k++)
			if (insn->operands[k].is_memory)
				memory = &insn->operands[k];
		assert_int_equal(memory != NULL, instructions[i].access != CW_ACCESS_UNKNOWN);
		if (!memory)
			continue;
		assert_true(memory->has_address);
		assert_int_equal(memory->address, instructions[i].address);
		assert_int_equal(memory->size, instructions[i].size);
		assert_int_equal(memory->access, instructions[i].access);
	}
}

static void test_calls(void **state) {
	static const struct {
		uint32_t insn;
		bool call;
	} cases[] = {
		{ BL, true }, { 0x97fffff6, true }, { 0xd63f0060, true }, { 0xd63f087f, true }, { 0xd73f0861, true }, { 0xd63f0c7f, true },
		{ RET, false }, { NOP, false }, { 0xd61f0200, false }, { 0x14000001, false }, { 0xd65f0bff, false }, { 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		assert_int_equal(arch_aarch64.is_call((const uint8_t *)&cases[i].insn), cases[i].call);
}

static void test_prologues(void **state) {
	static const struct {
		uint32_t code[4];
		enum arch_prologue expected;
		bool has_called;
	} cases[] = {
		{ { STP_FRAME, MOV_FRAME, NOP, NOP }, ARCH_PROLOGUE_FRAME, false },
		{ { NOP, STP_FRAME, NOP, NOP }, ARCH_PROLOGUE_SAVED, false },
		{ { RET, 0xf81f0ffe, NOP, NOP }, ARCH_PROLOGUE_SAVED, false }, /* str x30, [sp, #-0x10]! */
		{ { RET, 0xf90007fe, NOP, NOP }, ARCH_PROLOGUE_SAVED, false }, /* str x30, [sp, #8] */
		{ { RET, 0xa9be7bf3, NOP, NOP }, ARCH_PROLOGUE_SAVED, false }, /* stp x19, x30, [sp, #-0x20]! */
		{ { STP_FRAME, MOV_FRAME, RET, NOP }, ARCH_PROLOGUE_NONE, false },
		{ { STP_FRAME, MOV_FRAME, RET, BL }, ARCH_PROLOGUE_FRAME, true },
		{ { NOP, 0xa9be53f3, NOP, NOP }, ARCH_PROLOGUE_NONE, false },  /* stp x19, x20, [sp, #-0x20]! */
		{ { STP_FRAME, MOV_FRAME, 0xd65f0bff, NOP }, ARCH_PROLOGUE_NONE, false }, /* retaa */
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		assert_int_equal(arch_aarch64.prologue((const uint8_t *)cases[i].code, sizeof(cases[i].code), cases[i].has_called),
		    cases[i].expected);
	assert_int_equal(arch_aarch64.prologue((const uint8_t *)cases[0].code, 0, false), ARCH_PROLOGUE_NONE);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instructions),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_prologues),
	};

	return cmocka_run_group_tests_name("insn-aarch64", tests, NULL, NULL);
}
