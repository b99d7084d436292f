/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * aarch64, 64-bit programs, little-endian. Register numbers: DWARF for the Arm 64-bit Architecture (AADWARF64), 4.1. Note layouts: Linux
 * arch/arm64/include/uapi/asm/ptrace.h (user_pt_regs, user_pac_mask) and include/uapi/linux/elf.h; signal frame: arch/arm64/kernel/signal.c
 * (struct rt_sigframe), uapi/asm/sigcontext.h. Exceptions: Arm ARM, ESR_EL1, and arch/arm64/mm/fault.c (fault_info[]).
 *
 * What differs from x86: a call leaves its return address in x30, so a leaf function's frame need not be in memory at all; return addresses may
 * be signed, which fills the bits above the address space; the top byte of data addresses is a tag that the CPU ignores; struct pthread lies below
 * the TLS base; and every fault has an address (there is no general protection fault).
 */

#include "core/arch.h"

enum { X0, X8 = 8, X29 = 29, X30 = 30, SP, PC, PSTATE, TPIDR_EL0, PAUTH_DMASK, PAUTH_CMASK, N_REGISTERS };

static const char *const names[N_REGISTERS] = {
	"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",    "x18",
	"x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp",  "pc",  "pstate", "tpidr_el0", "pauth_dmask", "pauth_cmask",
};

/* x0…x30, sp, pc, pstate in a row, which is our own order too. */
#define REG(base, reg) { (base) + 8 * (reg), (reg), 8 }
#define REGS4(base, reg) REG(base, reg), REG(base, (reg) + 1), REG(base, (reg) + 2), REG(base, (reg) + 3)
#define ALL_REGISTERS(base)                                                                                                                         \
	REGS4(base, 0), REGS4(base, 4), REGS4(base, 8), REGS4(base, 12), REGS4(base, 16), REGS4(base, 20), REGS4(base, 24), REGS4(base, 28),        \
	    REG(base, PC), REG(base, PSTATE)

/* struct user_pt_regs begins at 112 of struct elf_prstatus. */
static const struct arch_slot prstatus_slots[] = { ALL_REGISTERS(112) };

/* struct sigcontext begins at 176 of struct ucontext: fault_address, then the registers. */
enum { SC_FAULT_ADDRESS = 176, SC_REGS = SC_FAULT_ADDRESS + 8, SC_RESERVED = SC_REGS + 34 * 8 + 8 };
static const struct arch_slot ucontext_slots[] = { ALL_REGISTERS(SC_REGS) };

static uint64_t u64_at(const uint8_t *p) {
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t u32_at(const uint8_t *p) {
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* NT_ARM_TLS: tpidr_el0, and tpidr2_el0 where the CPU has it. */
static void parse_tls(const uint8_t *data, size_t length, uint64_t *registers) {
	if (length >= 8)
		registers[TPIDR_EL0] = u64_at(data);
}

/* NT_ARM_PAC_MASK: the bits of data and of code pointers that hold the authentication code. */
static void parse_pac_mask(const uint8_t *data, size_t length, uint64_t *registers) {
	if (length < 16)
		return;
	registers[PAUTH_DMASK] = u64_at(data);
	registers[PAUTH_CMASK] = u64_at(data + 8);
}

static const struct arch_note thread_notes[] = { { 0x401 /* NT_ARM_TLS */, parse_tls }, { 0x406 /* NT_ARM_PAC_MASK */, parse_pac_mask } };

/* ESR_EL1: exception class, instruction specific syndrome. Only classes that programs can meet. */
enum {
	EC_UNKNOWN = 0x00, EC_SYSTEM = 0x18, EC_BTI = 0x0d, EC_ILLEGAL = 0x0e, EC_FPAC = 0x1c, EC_FETCH = 0x20, EC_PC_ALIGNMENT = 0x22, EC_DATA = 0x24,
	EC_SP_ALIGNMENT = 0x26, EC_FP = 0x2c, EC_BREAKPOINT = 0x30, EC_STEP = 0x32, EC_WATCHPOINT = 0x34, EC_BRK = 0x3c,
};
enum { ESR_WNR = 1 << 6, ESR_MAGIC = 0x45535201 };
#define ESR_CLASS(esr) ((esr) >> 26 & 0x3f)
#define ESR_SYNDROME(esr) ((esr) & 0x1ffffff)

/* Linux's signal numbers. */
enum { SIG_ILL = 4, SIG_TRAP = 5, SIG_BUS = 7, SIG_FPE = 8, SIG_SEGV = 11 };

static const struct arch_trap_signal trap_signals[] = {
	{ EC_UNKNOWN, SIG_ILL }, { EC_SYSTEM, SIG_ILL },      { EC_BTI, SIG_ILL },          { EC_ILLEGAL, SIG_ILL },     { EC_FPAC, SIG_ILL },
	{ EC_FETCH, SIG_SEGV },  { EC_FETCH, SIG_BUS },       { EC_PC_ALIGNMENT, SIG_BUS }, { EC_DATA, SIG_SEGV },       { EC_DATA, SIG_BUS },
	{ EC_FP, SIG_FPE },      { EC_SP_ALIGNMENT, SIG_BUS }, { EC_BREAKPOINT, SIG_TRAP },  { EC_STEP, SIG_TRAP },       { EC_WATCHPOINT, SIG_TRAP },
	{ EC_BRK, SIG_TRAP },
};

static bool is_page_fault(uint64_t trap_number) {
	return trap_number == EC_FETCH || trap_number == EC_DATA;
}

static enum cw_access page_fault_access(uint64_t trap_number, uint64_t error) {
	return trap_number == EC_FETCH ? CW_ACCESS_EXEC : error & ESR_WNR ? CW_ACCESS_WRITE : CW_ACCESS_READ;
}

/* The syndrome is one of the records behind the registers: magic, size, data; the last has magic 0. */
static bool read_trap(const uint8_t *ucontext, size_t length, struct arch_trap *ret_trap) {
	uint64_t esr;

	for (size_t at = SC_RESERVED, size; at + 16 <= length; at += size) {
		size = u32_at(ucontext + at + 4);
		if (size < 8 || size > length || u32_at(ucontext + at) == 0)
			return false;
		if (u32_at(ucontext + at) != ESR_MAGIC)
			continue;
		esr = u64_at(ucontext + at + 8);
		*ret_trap = (struct arch_trap){ ESR_CLASS(esr), ESR_SYNDROME(esr), u64_at(ucontext + SC_FAULT_ADDRESS) };
		return true;
	}
	return false;
}

/* bl; blr; blraa, blrab, blraaz, blrabz */
static bool is_call(const uint8_t *before) {
	uint32_t insn = u32_at(before);

	return (insn & 0xfc000000) == 0x94000000 || (insn & 0xfffffc1f) == 0xd63f0000 || (insn & 0xfefff800) == 0xd63f0800;
}

/* str x30, [sp, #-n]!; str x30, [sp, #n]; stp with x30 as either, to [sp, #n] or [sp, #-n]!. */
static bool stores_lr(uint32_t insn) {
	bool pair = (insn & 0xff4003e0) == 0xa90003e0;

	return (insn & 0xffe00fff) == 0xf8000ffe || (insn & 0xffc003ff) == 0xf90003fe ||
	       (pair && ((insn & 0x1f) == X30 || (insn >> 10 & 0x1f) == X30));
}

/*
 * Backwards from the pc: what the prologue did last is met first. If a return comes before, that was another function's, and this one has done
 * nothing so far; unless it has called, then it was an early return of its own. (An early return misleads this in the innermost function. Only
 * code without unwind information is looked at.)
 */
static enum arch_prologue prologue(const uint8_t *code, size_t length, bool has_called) {
	for (const uint8_t *p = code + length; (size_t)(p - code) >= 4; p -= 4) {
		uint32_t insn = u32_at(p - 4);

		if ((insn & 0xffc003ff) == 0x910003fd) /* add x29, sp, #n; mov x29, sp is n = 0 */
			return ARCH_PROLOGUE_FRAME;
		if (stores_lr(insn))
			return ARCH_PROLOGUE_SAVED;
		/* ret, retaa, retab; zeros between functions */
		if (!has_called && (insn == 0xd65f03c0 || (insn & 0xfffffbff) == 0xd65f0bff || insn == 0))
			break;
	}
	return ARCH_PROLOGUE_NONE;
}

/* mov x8, #139; svc #0 */
static const struct arch_bytes trampolines[] = { { "\x68\x11\x80\xd2\x01\x00\x00\xd4", 8 } };

/* In clone(): mov x8, #93 (exit); svc #0. */
static const struct arch_bytes thread_exits[] = { { "\xa8\x0b\x80\xd2\x01\x00\x00\xd4", 8 } };

/* Bits 55…48 must be equal; the byte above is a tag. Programs that ask for 52-bit addresses (a hint above the 48 bits to mmap()) are not known to exist. */
static bool is_canonical(uint64_t address) {
	uint64_t top = address >> 48 & 0xff;

	return top == 0 || top == 0xff;
}

const struct arch arch_aarch64 = {
	.id = CW_ARCH_AARCH64,
	.name = "aarch64",
	.machine = EM_AARCH64,
	.elf_class = ELFCLASS64,
	.word_bytes = 8,
	.register_names = names,
	.n_registers = N_REGISTERS,
	.n_dwarf = PC + 1,
	.pc = PC,
	.sp = SP,
	.fp = X29,
	.lr = X30,
	.tls = TPIDR_EL0,
	.syscall_number = X8,
	.go_register = 28,
	.code_mask = PAUTH_CMASK,
	.prstatus_bytes = 392,
	.prstatus_pid_offset = 32,
	.prstatus_slots = prstatus_slots,
	.n_prstatus_slots = ELEMENTSOF(prstatus_slots),
	.thread_notes = thread_notes,
	.n_thread_notes = ELEMENTSOF(thread_notes),
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
	.sigframe_ucontext_offset = 128,
	.sigframe_siginfo_offset = 0,
	.ucontext_slots = ucontext_slots,
	.n_ucontext_slots = ELEMENTSOF(ucontext_slots),
	.ucontext_stack_offset = 16,
	.ucontext_trapno_offset = -1,
	.ucontext_error_offset = -1,
	.ucontext_cr2_offset = -1,
	.read_trap = read_trap,
	.trampolines = trampolines,
	.n_trampolines = ELEMENTSOF(trampolines),
	.thread_exits = thread_exits,
	.n_thread_exits = ELEMENTSOF(thread_exits),
	.sigframe_min_bytes = 128 + SC_RESERVED + 4096 + 16,
	.trap_signals = trap_signals,
	.n_trap_signals = ELEMENTSOF(trap_signals),
	.is_page_fault = is_page_fault,
	.page_fault_access = page_fault_access,
	.sigreturn_number = 139,
	.syscall = { "\x01\x00\x00\xd4", 4 },
	.call_max_bytes = 4,
	.is_call = is_call,
	.prologue = prologue,
	.pthread_below_tls = true,
	.tag_bits = 8,
	.red_zone_bytes = 0,
	.user_end = UINT64_C(1) << 48,
	.is_canonical = is_canonical,
};
