/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * i386, native or under a 64-bit kernel. Register numbers: System V ABI, Intel386 supplement. Note layouts: Linux arch/x86/include/asm/elf.h (user_regs_struct32),
 * uapi/asm/sigcontext.h (struct sigcontext_32); rt_sigframe_ia32: arch/x86/include/asm/sigframe.h. The TLS base is in no register: it comes from NT_386_TLS.
 */

#include "core/arch-x86.h"

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI, EIP, EFLAGS, ORIG_EAX, GS, GS_BASE, N_REGISTERS };

static const char *const names[N_REGISTERS] = {
	"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags", "orig_eax", "gs", "gs_base",
};

#define REG(index, reg) { 72 + 4 * (index), (reg), 4 }
static const struct arch_slot prstatus_slots[] = {
	REG(0, EBX), REG(1, ECX),      REG(2, EDX),  REG(3, ESI),     REG(4, EDI),  REG(5, EBP),
	REG(6, EAX), REG(11, ORIG_EAX), REG(12, EIP), REG(14, EFLAGS), REG(15, ESP), { 72 + 4 * 10, GS, 2 },
};

/* struct sigcontext_32 begins at 20 of struct ucontext_ia32. */
#define SC(offset, reg) { 20 + (offset), (reg), 4 }
static const struct arch_slot ucontext_slots[] = {
	SC(16, EDI), SC(20, ESI), SC(24, EBP), SC(28, ESP), SC(32, EBX), SC(36, EDX), SC(40, ECX), SC(44, EAX), SC(56, EIP), SC(64, EFLAGS),
};

/* mov $173,%eax; int $0x80 */
static const struct arch_bytes trampolines[] = { { "\xb8\xad\x00\x00\x00\xcd\x80", 7 } };

/* mov %eax,%ebx; exit: musl (xor %eax,%eax; inc %eax) and glibc (movl $1,%eax). */
static const struct arch_bytes thread_exits[] = {
	{ "\x89\xc3\x31\xc0\x40\xcd\x80", 7 },
	{ "\x89\xc3\xb8\x01\x00\x00\x00\xcd\x80", 9 },
};

static bool is_canonical(uint64_t address) {
	return address <= UINT32_MAX;
}

/* The TLS base is in the descriptor that %gs selects. struct user_desc: entry, base, limit, flags. */
static void parse_tls(const uint8_t *data, size_t length, uint64_t *registers) {
	uint32_t entry, base;

	for (size_t at = 0; at + 16 <= length; at += 16) {
		memcpy(&entry, data + at, sizeof(entry));
		memcpy(&base, data + at + 4, sizeof(base));
		if (entry == registers[GS] >> 3)
			registers[GS_BASE] = base;
	}
}
static const struct arch_note thread_notes[] = { { NT_386_TLS, parse_tls } };

const struct arch arch_i386 = {
	.id = CW_ARCH_I386,
	.name = "i386",
	.machine = EM_386,
	.elf_class = ELFCLASS32,
	.word_bytes = 4,
	.register_names = names,
	.n_registers = N_REGISTERS,
	.n_dwarf = EIP + 1,
	.pc = EIP,
	.sp = ESP,
	.fp = EBP,
	.lr = -1,
	.tls = GS_BASE,
	.go_register = -1,
	.code_mask = -1,
	.syscall_number = ORIG_EAX,
	.prstatus_bytes = 144,
	.prstatus_pid_offset = 24,
	.prstatus_slots = prstatus_slots,
	.n_prstatus_slots = ELEMENTSOF(prstatus_slots),
	.thread_notes = thread_notes,
	.n_thread_notes = ELEMENTSOF(thread_notes),
	.prpsinfo_pid_offset = 12,
	.prpsinfo_uid_offset = 8,
	.prpsinfo_uid_bytes = 2,
	.prpsinfo_name_offset = 28,
	.prpsinfo_args_offset = 44,
	.siginfo_addr_offset = 12,
	.siginfo_pid_offset = 12,
	.siginfo_uid_offset = 16,
	.siginfo_call_addr_offset = 12,
	.siginfo_syscall_offset = 16,
	.siginfo_arch_offset = 20,
	.sigframe_ucontext_offset = 140,
	.sigframe_siginfo_offset = 12,
	.ucontext_slots = ucontext_slots,
	.n_ucontext_slots = ELEMENTSOF(ucontext_slots),
	.ucontext_stack_offset = 8,
	.ucontext_trapno_offset = 68,
	.ucontext_error_offset = 72,
	.ucontext_cr2_offset = 104,
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
	.sigreturn_number = 173,
	.syscall = { "\xcd\x80", 2 },
	.call_max_bytes = ARCH_X86_CALL_BYTES,
	.is_call = arch_x86_is_call,
	.red_zone_bytes = 0,
	.user_end = UINT64_C(0xffffe000),
	.is_canonical = is_canonical,
};
