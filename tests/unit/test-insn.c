/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/insn: class, operands, effective addresses, implicit accesses and alignment, on the bytes of single
 * instructions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/insn.h"
#include "fake-core.h"

#define PC UINT64_C(0x401000)
#define SP UINT64_C(0x7ffd0000f000)
#define TARGET UINT64_C(0x4141414141414141)

struct expected_operand {
	const char *text;
	enum cw_access access;
	uint32_t size;
	uint64_t address; /* of memory */
	bool memory, implicit;
};

struct expected {
	const char *bytes;
	size_t length;
	const char *text;
	enum cw_instruction_class class_;
	uint32_t alignment;
	struct expected_operand operands[4]; /* those with a text */
};

#define INSN(b) b, sizeof(b) - 1
#define R CW_ACCESS_READ
#define W CW_ACCESS_WRITE
#define X CW_ACCESS_EXEC

/* rax 0x1000, rcx 8, rbx 0x3000, rsi 0x5000, rdi 0x6000, rbp SP+0x100, r8 0x8000, r12 TARGET, fs_base 0x70000000 */
static const struct expected on_x86_64[] = {
	{ INSN("\xc7\x00\x01\x00\x00\x00"), "mov dword ptr [rax], 1", CW_INSN_OTHER, 0,
	  { { "dword ptr [rax]", W, 4, 0x1000, true, false }, { "1", R, 4, 0, false, false } } },
	{ INSN("\x48\x8b\x44\xcb\x10"), "mov rax, qword ptr [rbx + rcx*8 + 0x10]", CW_INSN_OTHER, 0,
	  { { "rax", W, 8, 0, false, false }, { "qword ptr [rbx + rcx*8 + 0x10]", R, 8, 0x3050, true, false } } },
	{ INSN("\x48\x8b\x05\x10\x00\x00\x00"), "mov rax, qword ptr [rip + 0x10]", CW_INSN_OTHER, 0,
	  { { "rax", W, 8, 0, false, false }, { "qword ptr [rip + 0x10]", R, 8, PC + 7 + 0x10, true, false } } },
	{ INSN("\x64\x48\x8b\x04\x25\x28\x00\x00\x00"), "mov rax, qword ptr fs:[0x28]", CW_INSN_OTHER, 0,
	  { { "rax", W, 8, 0, false, false }, { "qword ptr fs:[0x28]", R, 8, 0x70000028, true, false } } },
	/* a negative displacement, a high register, and 32-bit addressing that wraps */
	{ INSN("\x41\x89\x40\xf8"), "mov dword ptr [r8 - 8], eax", CW_INSN_OTHER, 0,
	  { { "dword ptr [r8 - 8]", W, 4, 0x7ff8, true, false }, { "eax", R, 4, 0, false, false } } },
	{ INSN("\x67\x41\x8b\x04\x24"), "mov eax, dword ptr [r12d]", CW_INSN_OTHER, 0,
	  { { "eax", W, 4, 0, false, false }, { "dword ptr [r12d]", R, 4, 0x41414141, true, false } } },
	/* lea and nop access nothing */
	{ INSN("\x48\x8d\x43\x08"), "lea rax, [rbx + 8]", CW_INSN_OTHER, 0,
	  { { "rax", W, 8, 0, false, false }, { "[rbx + 8]", CW_ACCESS_UNKNOWN, 8, 0, false, false } } },
	{ INSN("\x0f\x1f\x40\x00"), "nop dword ptr [rax]", CW_INSN_OTHER, 0,
	  { { "dword ptr [rax]", CW_ACCESS_UNKNOWN, 4, 0, false, false } } },
	/* reads and writes */
	{ INSN("\x83\x38\x05"), "cmp dword ptr [rax], 5", CW_INSN_OTHER, 0,
	  { { "dword ptr [rax]", R, 4, 0x1000, true, false } } },
	{ INSN("\x0f\x92\x00"), "setb byte ptr [rax]", CW_INSN_OTHER, 0,
	  { { "byte ptr [rax]", W, 1, 0x1000, true, false } } },
	{ INSN("\xf3\x0f\x7f\x00"), "movdqu xmmword ptr [rax], xmm0", CW_INSN_OTHER, 0,
	  { { "xmmword ptr [rax]", W, 16, 0x1000, true, false } } },
	{ INSN("\xd9\x00"), "fld dword ptr [rax]", CW_INSN_OTHER, 0,
	  { { "dword ptr [rax]", R, 4, 0x1000, true, false } } },
	{ INSN("\xd9\x18"), "fstp dword ptr [rax]", CW_INSN_OTHER, 0,
	  { { "dword ptr [rax]", W, 4, 0x1000, true, false } } },
	/* the stack */
	{ INSN("\x53"), "push rbx", CW_INSN_PUSH, 0,
	  { { "rbx", R, 8, 0, false, false }, { "[rsp - 8]", W, 8, SP - 8, true, true } } },
	{ INSN("\xff\x30"), "push qword ptr [rax]", CW_INSN_PUSH, 0,
	  { { "qword ptr [rax]", R, 8, 0x1000, true, false }, { "[rsp - 8]", W, 8, SP - 8, true, true } } },
	{ INSN("\x66\x53"), "push bx", CW_INSN_PUSH, 0,
	  { { "bx", R, 2, 0, false, false }, { "[rsp - 2]", W, 2, SP - 2, true, true } } },
	{ INSN("\x9c"), "pushfq", CW_INSN_PUSH, 0, { { "[rsp - 8]", W, 8, SP - 8, true, true } } },
	{ INSN("\x5b"), "pop rbx", CW_INSN_POP, 0,
	  { { "rbx", W, 8, 0, false, false }, { "[rsp]", R, 8, SP, true, true } } },
	{ INSN("\xc9"), "leave", CW_INSN_POP, 0, { { "[rbp]", R, 8, SP + 0x100, true, true } } },
	{ INSN("\xe8\xfb\x0f\x00\x00"), "call 0x402000", CW_INSN_CALL, 0,
	  { { "0x402000", R, 8, 0, false, false }, { "[rsp - 8]", W, 8, SP - 8, true, true } } },
	{ INSN("\xff\xd0"), "call rax", CW_INSN_CALL, 0,
	  { { "rax", R, 8, 0, false, false }, { "[rsp - 8]", W, 8, SP - 8, true, true }, { "target", X, 0, 0x1000, true, true } } },
	{ INSN("\xff\x13"), "call qword ptr [rbx]", CW_INSN_CALL, 0,
	  { { "qword ptr [rbx]", R, 8, 0x3000, true, false }, { "[rsp - 8]", W, 8, SP - 8, true, true }, { "target", X, 0, 0xbeef, true, true } } },
	{ INSN("\x41\xff\xe4"), "jmp r12", CW_INSN_JUMP, 0,
	  { { "r12", R, 8, 0, false, false }, { "target", X, 0, TARGET, true, true } } },
	{ INSN("\xc3"), "ret", CW_INSN_RET, 0,
	  { { "[rsp]", R, 8, SP, true, true }, { "target", X, 0, TARGET, true, true } } },
	/* strings */
	{ INSN("\xf3\x48\xa5"), "rep movsq qword ptr [rdi], qword ptr [rsi]", CW_INSN_OTHER, 0,
	  { { "qword ptr [rdi]", W, 8, 0x6000, true, false }, { "qword ptr [rsi]", R, 8, 0x5000, true, false } } },
	{ INSN("\xf3\xaa"), "rep stosb byte ptr [rdi], al", CW_INSN_OTHER, 0,
	  { { "byte ptr [rdi]", W, 1, 0x6000, true, false }, { "al", R, 1, 0, false, false } } },
	{ INSN("\xac"), "lodsb al, byte ptr [rsi]", CW_INSN_OTHER, 0,
	  { { "al", W, 1, 0, false, false }, { "byte ptr [rsi]", R, 1, 0x5000, true, false } } },
	{ INSN("\xa6"), "cmpsb byte ptr [rsi], byte ptr [rdi]", CW_INSN_OTHER, 0,
	  { { "byte ptr [rsi]", R, 1, 0x5000, true, false }, { "byte ptr [rdi]", R, 1, 0x6000, true, false } } },
	{ INSN("\xf2\xae"), "repne scasb al, byte ptr [rdi]", CW_INSN_OTHER, 0,
	  { { "al", R, 1, 0, false, false }, { "byte ptr [rdi]", R, 1, 0x6000, true, false } } },
	{ INSN("\xd7"), "xlat", CW_INSN_OTHER, 0, { { "[rbx]", R, 1, 0x3000, true, true } } },
	/* alignment: legacy forms by their size, VEX only by name */
	{ INSN("\x0f\x29\x00"), "movaps xmmword ptr [rax], xmm0", CW_INSN_ALIGNED_SIMD, 16,
	  { { "xmmword ptr [rax]", W, 16, 0x1000, true, false } } },
	{ INSN("\x66\x0f\x6f\x00"), "movdqa xmm0, xmmword ptr [rax]", CW_INSN_ALIGNED_SIMD, 16,
	  { { "xmm0", W, 16, 0, false, false }, { "xmmword ptr [rax]", R, 16, 0x1000, true, false } } },
	{ INSN("\x0f\x58\x00"), "addps xmm0, xmmword ptr [rax]", CW_INSN_ALIGNED_SIMD, 16,
	  { { "xmm0", W, 16, 0, false, false }, { "xmmword ptr [rax]", R, 16, 0x1000, true, false } } },
	{ INSN("\xc5\xfc\x28\x00"), "vmovaps ymm0, ymmword ptr [rax]", CW_INSN_ALIGNED_SIMD, 32,
	  { { "ymm0", W, 32, 0, false, false }, { "ymmword ptr [rax]", R, 32, 0x1000, true, false } } },
	{ INSN("\xc5\xf8\x58\x00"), "vaddps xmm0, xmm0, xmmword ptr [rax]", CW_INSN_OTHER, 0,
	  { { "xmm0", W, 16, 0, false, false } } },
	{ INSN("\x0f\x10\x00"), "movups xmm0, xmmword ptr [rax]", CW_INSN_OTHER, 0,
	  { { "xmm0", W, 16, 0, false, false } } },
	{ INSN("\xf2\x0f\x10\x00"), "movsd xmm0, qword ptr [rax]", CW_INSN_OTHER, 0,
	  { { "xmm0", W, 16, 0, false, false }, { "qword ptr [rax]", R, 8, 0x1000, true, false } } },
	{ INSN("\x48\x0f\xc7\x08"), "cmpxchg16b xmmword ptr [rax]", CW_INSN_ALIGNED_SIMD, 16,
	  { { "xmmword ptr [rax]", W, 16, 0x1000, true, false } } },
	/* classes */
	{ INSN("\xf7\x39"), "idiv dword ptr [rcx]", CW_INSN_DIVIDE, 0,
	  { { "dword ptr [rcx]", R, 4, 8, true, false } } },
	{ INSN("\xf4"), "hlt", CW_INSN_PRIVILEGED, 0, { { .text = NULL } } },
	{ INSN("\xe4\x10"), "in al, 0x10", CW_INSN_PRIVILEGED, 0, { { .text = NULL } } },
	{ INSN("\x0f\x20\xc0"), "mov rax, cr0", CW_INSN_PRIVILEGED, 0, { { .text = NULL } } },
	{ INSN("\xcc"), "int3", CW_INSN_TRAP, 0, { { .text = NULL } } },
	{ INSN("\xcd\x21"), "int 0x21", CW_INSN_TRAP, 0, { { .text = NULL } } },
	{ INSN("\xcd\x80"), "int 0x80", CW_INSN_SYSCALL, 0, { { .text = NULL } } },
	{ INSN("\x0f\x05"), "syscall", CW_INSN_SYSCALL, 0, { { .text = NULL } } },
	{ INSN("\x0f\x0b"), "ud2", CW_INSN_UNDEFINED, 0, { { .text = NULL } } },
};

/* eax 0x1000, esp 0xffffd000 */
static const struct expected on_i386[] = {
	{ INSN("\x50"), "push eax", CW_INSN_PUSH, 0,
	  { { "eax", R, 4, 0, false, false }, { "[esp - 4]", W, 4, 0xffffcffc, true, true } } },
	{ INSN("\x60"), "pushad", CW_INSN_PUSH, 0, { { "[esp - 32]", W, 32, 0xffffcfe0, true, true } } },
	{ INSN("\x8b\x80\x00\xf0\xff\xff"), "mov eax, dword ptr [eax - 0x1000]", CW_INSN_OTHER, 0,
	  { { "eax", W, 4, 0, false, false }, { "dword ptr [eax - 0x1000]", R, 4, 0, true, false } } },
	{ INSN("\x65\xa1\x14\x00\x00\x00"), "mov eax, dword ptr gs:[0x14]", CW_INSN_OTHER, 0,
	  { { "eax", W, 4, 0, false, false }, { "dword ptr gs:[0x14]", R, 4, 0xf7d00014, true, false } } },
	{ INSN("\xc9"), "leave", CW_INSN_POP, 0, { { "[ebp]", R, 4, 0x2000, true, true } } },
};

static uint64_t registers[ARCH_MAX_REGISTERS];

static struct core *make_core(const struct arch *arch) {
	struct core *core = calloc(1, sizeof(*core));

	assert_non_null(core);
	fake_reset();
	memset(registers, 0, sizeof(registers));
	core->arch = arch;
	assert_int_equal(arena_new(MIB(16), &core->arena), 0);
	assert_int_equal(insn_decoder_new(core, &core->decoder), 0);
	return core;
}

static void drop_core(struct core *core) {
	insn_decoder_free(core->decoder);
	arena_free(core->arena);
	free(core);
}

static void set(const struct arch *arch, const char *name, uint64_t value) {
	registers[fake_register(arch, name)] = value;
}

static void check(struct core *core, const struct expected *e) {
	const struct cw_instruction *insn;
	const struct cw_operand *operand;

	fake_memory[0] = (struct fake_memory){ PC, e->bytes, e->length };
	insn = insn_decode(core, PC, registers);
	assert_non_null(insn);
	assert_string_equal(insn->text, e->text);
	assert_int_equal(insn->address, PC);
	assert_int_equal(insn->length, e->length);
	assert_memory_equal(insn->bytes, e->bytes, e->length);
	if (insn->class_ != e->class_)
		fail_msg("%s: class %d, not %d", e->text, (int)insn->class_, (int)e->class_);
	if (insn->alignment != e->alignment)
		fail_msg("%s: alignment %u, not %u", e->text, insn->alignment, e->alignment);
	for (size_t i = 0; i < ELEMENTSOF(e->operands) && e->operands[i].text; i++) {
		assert_true(i < insn->n_operands);
		operand = &insn->operands[i];
		assert_string_equal(operand->text, e->operands[i].text);
		if (operand->access != e->operands[i].access)
			fail_msg("%s: operand %zu has access %d, not %d", e->text, i, (int)operand->access,
			    (int)e->operands[i].access);
		assert_int_equal(operand->size, e->operands[i].size);
		assert_int_equal(operand->is_memory, e->operands[i].memory);
		assert_int_equal(operand->implicit, e->operands[i].implicit);
		if (operand->is_memory) {
			assert_true(operand->has_address);
			assert_int_equal(operand->address, e->operands[i].address);
		}
	}
}

static void test_x86_64(void **state) {
	static const uint64_t pointer = 0xbeef, target = TARGET;
	struct core *core = make_core(&arch_x86_64);

	(void)state;
	fake_n_memory = 1;
	fake_add_memory(0x3000, &pointer, sizeof(pointer));
	fake_add_memory(SP, &target, sizeof(target));
	set(core->arch, "rax", 0x1000);
	set(core->arch, "rcx", 8);
	set(core->arch, "rbx", 0x3000);
	set(core->arch, "rsi", 0x5000);
	set(core->arch, "rdi", 0x6000);
	set(core->arch, "rbp", SP + 0x100);
	set(core->arch, "rsp", SP);
	set(core->arch, "r8", 0x8000);
	set(core->arch, "r12", TARGET);
	set(core->arch, "rip", PC);
	set(core->arch, "fs_base", 0x70000000);
	for (size_t i = 0; i < ELEMENTSOF(on_x86_64); i++)
		check(core, &on_x86_64[i]);
	drop_core(core);
}

static void test_i386(void **state) {
	struct core *core = make_core(&arch_i386);

	(void)state;
	fake_n_memory = 1;
	set(core->arch, "eax", 0x1000);
	set(core->arch, "ebp", 0x2000);
	set(core->arch, "esp", 0xffffd000);
	set(core->arch, "gs_base", 0xf7d00000);
	for (size_t i = 0; i < ELEMENTSOF(on_i386); i++)
		check(core, &on_i386[i]);
	drop_core(core);
}

/* Without registers there is text, and no address is invented. */
static void test_no_registers(void **state) {
	struct core *core = make_core(&arch_x86_64);
	const struct cw_instruction *insn;

	(void)state;
	fake_add_memory(PC, "\xc3", 1);
	fake_add_memory(PC + 0x100, "\x48\x8b\x44\xcb\x10", 5);
	insn = insn_decode(core, PC, NULL);
	assert_non_null(insn);
	assert_string_equal(insn->text, "ret");
	for (size_t i = 0; i < insn->n_operands; i++)
		assert_false(insn->operands[i].has_address);
	insn = insn_decode(core, PC + 0x100, NULL);
	assert_non_null(insn);
	assert_string_equal(insn->operands[1].base, "rbx");
	assert_int_equal(insn->operands[1].displacement, 0x10);
	assert_false(insn->operands[1].has_address);
	drop_core(core);
}

/* On i386 the base of gs may be missing: then there is no address, not one near 0. */
static void test_unknown_segment(void **state) {
	struct core *core = make_core(&arch_i386);
	const struct cw_instruction *insn;

	(void)state;
	fake_add_memory(PC, "\x65\xa1\x14\x00\x00\x00", 6);
	insn = insn_decode(core, PC, registers);
	assert_non_null(insn);
	assert_true(insn->operands[1].is_memory);
	assert_false(insn->operands[1].has_address);
	drop_core(core);
}

/* A gather has many addresses, a bit string one that is not in its operand: none is told. */
static void test_no_single_address(void **state) {
	struct core *core = make_core(&arch_x86_64);
	const struct cw_instruction *insn;

	(void)state;
	fake_add_memory(PC, "\xc4\xe2\x75\x92\x04\x90", 6);
	fake_add_memory(PC + 0x100, "\x48\x0f\xab\x08", 4);
	insn = insn_decode(core, PC, registers);
	assert_non_null(insn);
	assert_non_null(strstr(insn->text, "vgatherdps"));
	for (size_t i = 0; i < insn->n_operands; i++)
		assert_false(insn->operands[i].has_address);
	insn = insn_decode(core, PC + 0x100, registers);
	assert_non_null(insn);
	assert_string_equal(insn->text, "bts qword ptr [rax], rcx");
	assert_false(insn->operands[0].has_address);
	drop_core(core);
}

static void test_no_instruction(void **state) {
	struct core *core = make_core(&arch_x86_64);

	(void)state;
	assert_null(insn_decode(core, PC, registers));
	fake_add_memory(PC, "\x06", 1); /* no instruction with 64 bits */
	fake_add_memory(PC + 0x100, "\x48\x8b\x05\x10", 4); /* the mapping ends within it */
	assert_null(insn_decode(core, PC, registers));
	assert_null(insn_decode(core, PC + 0x100, registers));
	assert_null(insn_decode(core, UINT64_MAX, registers));
	drop_core(core);
}

/* Any bytes: nothing may crash or read outside, and lengths stay within bounds. */
static void test_random_bytes(void **state) {
	struct core *core = make_core(&arch_x86_64);
	const struct cw_instruction *insn;
	uint8_t bytes[15];
	uint32_t seed = 7;

	(void)state;
	fake_add_memory(PC, bytes, sizeof(bytes));
	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1664525u + 1013904223u;
			bytes[i] = (uint8_t)(seed >> 24);
		}
		insn = insn_decode(core, PC, registers);
		if (!insn)
			continue;
		assert_in_range(insn->length, 1, 15);
		assert_true(insn->n_operands <= CW_MAX_OPERANDS);
		for (size_t i = 0; i < insn->n_operands; i++)
			assert_non_null(insn->operands[i].text);
	}
	drop_core(core);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x86_64),
		cmocka_unit_test(test_i386),
		cmocka_unit_test(test_no_registers),
		cmocka_unit_test(test_unknown_segment),
		cmocka_unit_test(test_no_single_address),
		cmocka_unit_test(test_no_instruction),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
