/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See arch-x86.h. Exceptions: Linux arch/x86/kernel/traps.c, asm/trapnr.h, asm/trap_pf.h; instructions: Intel SDM, volume 2.
 */
#include "core/arch-x86.h"

/* Linux's numbers: a core of another host is read the same everywhere. */
enum { SIG_ILL = 4, SIG_TRAP = 5, SIG_BUS = 7, SIG_FPE = 8, SIG_SEGV = 11 };

enum {
	TRAP_DIVIDE = 0,
	TRAP_DEBUG = 1,
	TRAP_BREAKPOINT = 3,
	TRAP_OVERFLOW = 4,
	TRAP_BOUNDS = 5,
	TRAP_OPCODE = 6,
	TRAP_TSS = 10,
	TRAP_SEGMENT = 11,
	TRAP_STACK = 12,
	TRAP_PROTECTION = 13,
	TRAP_PAGE = 14,
	TRAP_X87 = 16,
	TRAP_ALIGNMENT = 17,
	TRAP_SIMD = 19
};

/* Error code of a page fault. */
enum { PF_WRITE = 1 << 1, PF_INSTR = 1 << 4 };

const struct arch_trap_signal arch_x86_trap_signals[ARCH_X86_TRAP_SIGNALS] = {
	{ TRAP_DIVIDE, SIG_FPE },    { TRAP_X87, SIG_FPE },         { TRAP_SIMD, SIG_FPE },   { TRAP_DEBUG, SIG_TRAP },  { TRAP_BREAKPOINT, SIG_TRAP },
	{ TRAP_OPCODE, SIG_ILL },    { TRAP_OVERFLOW, SIG_SEGV },   { TRAP_BOUNDS, SIG_SEGV }, { TRAP_TSS, SIG_SEGV },   { TRAP_SEGMENT, SIG_BUS },
	{ TRAP_STACK, SIG_BUS },     { TRAP_PROTECTION, SIG_SEGV }, { TRAP_PAGE, SIG_SEGV },  { TRAP_PAGE, SIG_BUS },    { TRAP_ALIGNMENT, SIG_BUS },
};

bool arch_x86_is_page_fault(uint64_t trap_number) {
	return trap_number == TRAP_PAGE;
}

enum cw_access arch_x86_page_fault_access(uint64_t trap_number, uint64_t error) {
	(void)trap_number;
	return error & PF_INSTR ? CW_ACCESS_EXEC : error & PF_WRITE ? CW_ACCESS_WRITE : CW_ACCESS_READ;
}

/* e8 rel32, or ff /2 in its six lengths. */
bool arch_x86_is_call(const uint8_t *before) {
	if (before[2] == 0xe8)
		return true;
	for (size_t length = 2; length <= ARCH_X86_CALL_BYTES; length++) {
		const uint8_t *p = before + ARCH_X86_CALL_BYTES - length;

		if (p[0] == 0xff && (p[1] >> 3 & 7) == 2)
			return true;
	}
	return false;
}
