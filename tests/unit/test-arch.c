/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/arch: the tables are complete and consistent, and the host's own one agrees with the host's headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include <ucontext.h>

#include "core/arch.h"

static const struct arch *const arches[] = { &arch_x86_64, &arch_i386 };

static void test_find(void **state) {
	(void)state;
	assert_ptr_equal(arch_find(EM_X86_64, ELFCLASS64), &arch_x86_64);
	assert_ptr_equal(arch_find(EM_386, ELFCLASS32), &arch_i386);
	assert_null(arch_find(EM_386, ELFCLASS64));
	assert_null(arch_find(EM_X86_64, ELFCLASS32));
	assert_null(arch_find(EM_NONE, 0));
	for (size_t i = 0; i < ELEMENTSOF(arches); i++)
		assert_non_null(strstr(arch_names(), arches[i]->name));
}

static void check_slots(const struct arch *a, const struct arch_slot *slots, size_t n, size_t limit) {
	for (size_t i = 0; i < n; i++) {
		assert_true(slots[i].reg < a->n_registers);
		assert_true(slots[i].bytes >= 2 && slots[i].bytes <= a->word_bytes);
		assert_true(slots[i].offset + slots[i].bytes <= limit);
		for (size_t k = 0; k < i; k++)
			assert_true(slots[k].reg != slots[i].reg && slots[k].offset != slots[i].offset);
	}
}

static void test_consistent(void **state) {
	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(arches); i++) {
		const struct arch *a = arches[i];

		assert_true(a->n_registers <= ARCH_MAX_REGISTERS && a->n_registers <= 63);
		assert_true(a->n_dwarf <= a->n_registers);
		assert_true(a->pc < a->n_dwarf && a->sp < a->n_dwarf && a->fp < a->n_dwarf);
		assert_true(a->tls < (int)a->n_registers && a->syscall_number < (int)a->n_registers);
		for (size_t k = 0; k < a->n_registers; k++) {
			assert_non_null(a->register_names[k]);
			for (size_t j = 0; j < k; j++)
				assert_string_not_equal(a->register_names[j], a->register_names[k]);
		}
		check_slots(a, a->prstatus_slots, a->n_prstatus_slots, a->prstatus_bytes);
		check_slots(a, a->ucontext_slots, a->n_ucontext_slots, 1024);
		assert_true(a->is_canonical(0));
		assert_true(a->is_canonical(a->user_end - 1));
		assert_true(a->n_trampolines > 0);
		for (size_t k = 0; k < a->n_trampolines; k++)
			assert_true(a->trampolines[k].length > 0 && a->trampolines[k].length <= 16);
	}
	assert_false(arch_x86_64.is_canonical(UINT64_C(0x800000000000)));
	assert_false(arch_x86_64.is_canonical(UINT64_C(0x4141414141414141)));
	assert_true(arch_x86_64.is_canonical(UINT64_C(0xffff800000000000)));
	assert_false(arch_i386.is_canonical(UINT64_C(0x100000000)));
}

#ifdef __x86_64__
static size_t slot_of(const struct arch_slot *slots, size_t n, const char *name) {
	for (size_t i = 0; i < n; i++)
		if (streq(arch_x86_64.register_names[slots[i].reg], name))
			return slots[i].offset;
	fail_msg("%s is not stored", name);
	return 0;
}

static void test_host_prstatus(void **state) {
	static const struct { const char *name; size_t offset; } regs[] = {
#define R(n) { #n, offsetof(struct user_regs_struct, n) }
		R(rax), R(rbx), R(rcx), R(rdx), R(rsi), R(rdi), R(rbp), R(rsp), R(r8), R(r9), R(r10), R(r11), R(r12), R(r13), R(r14), R(r15),
		R(rip), R(eflags), R(orig_rax), R(fs_base), R(gs_base),
	};

	(void)state;
	assert_int_equal(arch_x86_64.prstatus_bytes, sizeof(struct elf_prstatus));
	assert_int_equal(arch_x86_64.prstatus_pid_offset, offsetof(struct elf_prstatus, pr_pid));
	for (size_t i = 0; i < ELEMENTSOF(regs); i++)
		assert_int_equal(slot_of(arch_x86_64.prstatus_slots, arch_x86_64.n_prstatus_slots, regs[i].name),
		                 offsetof(struct elf_prstatus, pr_reg) + regs[i].offset);
	assert_int_equal(arch_x86_64.n_prstatus_slots, ELEMENTSOF(regs));
	assert_int_equal(arch_x86_64.prpsinfo_pid_offset, offsetof(struct elf_prpsinfo, pr_pid));
	assert_int_equal(arch_x86_64.prpsinfo_uid_offset, offsetof(struct elf_prpsinfo, pr_uid));
	assert_int_equal(arch_x86_64.prpsinfo_uid_bytes, sizeof(((struct elf_prpsinfo *)0)->pr_uid));
	assert_int_equal(arch_x86_64.prpsinfo_name_offset, offsetof(struct elf_prpsinfo, pr_fname));
	assert_int_equal(arch_x86_64.prpsinfo_args_offset, offsetof(struct elf_prpsinfo, pr_psargs));
}

static void test_host_signals(void **state) {
	static const struct { const char *name; int index; } regs[] = {
		{ "rax", REG_RAX }, { "rbx", REG_RBX }, { "rcx", REG_RCX }, { "rdx", REG_RDX }, { "rsi", REG_RSI }, { "rdi", REG_RDI },
		{ "rbp", REG_RBP }, { "rsp", REG_RSP }, { "r8", REG_R8 },   { "r9", REG_R9 },   { "r10", REG_R10 }, { "r11", REG_R11 },
		{ "r12", REG_R12 }, { "r13", REG_R13 }, { "r14", REG_R14 }, { "r15", REG_R15 }, { "rip", REG_RIP }, { "eflags", REG_EFL },
	};
	size_t base = offsetof(ucontext_t, uc_mcontext.gregs);

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(regs); i++)
		assert_int_equal(slot_of(arch_x86_64.ucontext_slots, arch_x86_64.n_ucontext_slots, regs[i].name), base + 8 * (size_t)regs[i].index);
	assert_int_equal(arch_x86_64.ucontext_trapno_offset, base + 8 * REG_TRAPNO);
	assert_int_equal(arch_x86_64.ucontext_error_offset, base + 8 * REG_ERR);
	assert_int_equal(arch_x86_64.ucontext_cr2_offset, base + 8 * REG_CR2);
	assert_int_equal(arch_x86_64.ucontext_stack_offset, offsetof(ucontext_t, uc_stack));
	assert_int_equal(arch_x86_64.siginfo_addr_offset, offsetof(siginfo_t, si_addr));
	assert_int_equal(arch_x86_64.siginfo_pid_offset, offsetof(siginfo_t, si_pid));
	assert_int_equal(arch_x86_64.siginfo_uid_offset, offsetof(siginfo_t, si_uid));
	assert_int_equal(arch_x86_64.siginfo_call_addr_offset, offsetof(siginfo_t, si_call_addr));
	assert_int_equal(arch_x86_64.siginfo_syscall_offset, offsetof(siginfo_t, si_syscall));
	assert_int_equal(arch_x86_64.siginfo_arch_offset, offsetof(siginfo_t, si_arch));
}

/* The real thing: what the kernel pushes, seen from the handler. The trampoline's SP is where ucontext begins. */
static size_t seen_siginfo_offset;

static void handler(int number, siginfo_t *info, void *context) {
	(void)number;
	seen_siginfo_offset = (size_t)((char *)info - (char *)context);
}

static void test_host_signal_frame(void **state) {
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	(void)state;
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(seen_siginfo_offset, arch_x86_64.sigframe_siginfo_offset - arch_x86_64.sigframe_ucontext_offset);
}
#endif

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_consistent),
#ifdef __x86_64__
		cmocka_unit_test(test_host_prstatus),
		cmocka_unit_test(test_host_signals),
		cmocka_unit_test(test_host_signal_frame),
#endif
	};

	return cmocka_run_group_tests_name("arch", tests, NULL, NULL);
}
