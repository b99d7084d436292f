/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86-64. Register numbers: System V ABI, AMD64 supplement, figure 3.36. Note layouts: Linux arch/x86/include/asm/elf.h, user_64.h, uapi/asm/sigcontext.h
 * (struct sigcontext_64), ucontext.h; rt_sigframe: arch/x86/include/asm/sigframe.h.
 */

#include "core/arch-x86.h"

enum { RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP, R8, R9, R10, R11, R12, R13, R14, R15, RIP, EFLAGS, ORIG_RAX, FS_BASE, GS_BASE, N_REGISTERS };

static const char *const names[N_REGISTERS] = {
	"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8",  "r9",     "r10",
	"r11", "r12", "r13", "r14", "r15", "rip", "eflags", "orig_rax", "fs_base", "gs_base",
};

/* struct user_regs_struct begins at 112 of struct elf_prstatus. */
#define REG(index, reg) { 112 + 8 * (index), (reg), 8 }
static const struct arch_slot prstatus_slots[] = {
	REG(0, R15),  REG(1, R14),  REG(2, R13),  REG(3, R12),       REG(4, RBP),  REG(5, RBX),     REG(6, R11),
	REG(7, R10),  REG(8, R9),   REG(9, R8),   REG(10, RAX),      REG(11, RCX), REG(12, RDX),    REG(13, RSI),
	REG(14, RDI), REG(15, ORIG_RAX), REG(16, RIP), REG(18, EFLAGS), REG(19, RSP), REG(21, FS_BASE), REG(22, GS_BASE),
};

/* struct sigcontext_64 begins at 40 of struct ucontext. */
#define SC(index, reg) { 40 + 8 * (index), (reg), 8 }
static const struct arch_slot ucontext_slots[] = {
	SC(0, R8),   SC(1, R9),   SC(2, R10), SC(3, R11),  SC(4, R12),  SC(5, R13),  SC(6, R14),  SC(7, R15),     SC(8, RDI),
	SC(9, RSI),  SC(10, RBP), SC(11, RBX), SC(12, RDX), SC(13, RAX), SC(14, RCX), SC(15, RSP), SC(16, RIP), SC(17, EFLAGS),
};

/* mov $15,%eax; syscall, as glibc, musl and Go write it. */
static const struct arch_bytes trampolines[] = {
	{ "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", 9 },
	{ "\xb8\x0f\x00\x00\x00\x0f\x05", 7 },
};

/* In clone(): mov %eax,%edi; exit, as musl writes it, and as glibc does. */
static const struct arch_bytes thread_exits[] = {
	{ "\x89\xc7\x31\xc0\xb0\x3c\x0f\x05", 8 },
	{ "\x48\x89\xc7\xb8\x3c\x00\x00\x00\x0f\x05", 10 },
	{ "\x48\x89\xc7\x48\xc7\xc0\x3c\x00\x00\x00\x0f\x05", 12 },
};

/* Bits 63…47 must be equal. With five-level paging the CPU takes 57 bits, but no process gets such addresses without asking for them. */
static bool is_canonical(uint64_t address) {
	uint64_t top = address >> 47;

	return top == 0 || top == 0x1ffff;
}

const struct arch arch_x86_64 = {
	.id = CW_ARCH_X86_64,
	.name = "x86_64",
	.machine = EM_X86_64,
	.elf_class = ELFCLASS64,
	.word_bytes = 8,
	.register_names = names,
	.n_registers = N_REGISTERS,
	.n_dwarf = RIP + 1,
	.pc = RIP,
	.sp = RSP,
	.fp = RBP,
	.lr = -1,
	.tls = FS_BASE,
	.go_register = R14,
	.code_mask = -1,
	.syscall_number = ORIG_RAX,
	.prstatus_bytes = 336,
	.prstatus_pid_offset = 32,
	.prstatus_slots = prstatus_slots,
	.n_prstatus_slots = ELEMENTSOF(prstatus_slots),
	.prpsinfo_pid_offset = 24,
	.prpsinfo_uid_offset = 16,
	.prpsinfo_uid_bytes = 4,
	.prpsinfo_name_offset = 40,
	.prpsinfo_args_offset = 56,
	.siginfo_addr_offset = 16,
	.siginfo_pid_offset = 16,
	.siginfo_uid_offset = 20,
	.siginfo_call_addr_offset = 16,
	.siginfo_syscall_offset = 24,
	.siginfo_arch_offset = 28,
	.sigframe_ucontext_offset = 0,
	.sigframe_siginfo_offset = 304,
	.ucontext_slots = ucontext_slots,
	.n_ucontext_slots = ELEMENTSOF(ucontext_slots),
	.ucontext_stack_offset = 16,
	.ucontext_trapno_offset = 200,
	.ucontext_error_offset = 192,
	.ucontext_cr2_offset = 216,
	.trampolines = trampolines,
	.n_trampolines = ELEMENTSOF(trampolines),
	.thread_exits = thread_exits,
	.n_thread_exits = ELEMENTSOF(thread_exits),
	.sigframe_min_bytes = 440,
	.trap_signals = arch_x86_trap_signals,
	.n_trap_signals = ARCH_X86_TRAP_SIGNALS,
	.is_page_fault = arch_x86_is_page_fault,
	.page_fault_access = arch_x86_page_fault_access,
	.has_general_protection = true,
	.trap_lengths = { 1, 2 },
	.sigreturn_number = 15,
	.syscall = { "\x0f\x05", 2 },
	.call_max_bytes = ARCH_X86_CALL_BYTES,
	.is_call = arch_x86_is_call,
	.red_zone_bytes = 128,
	.user_end = UINT64_C(0x7ffffffff000),
	.is_canonical = is_canonical,
};
