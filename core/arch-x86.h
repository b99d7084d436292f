/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What arch-x86-64.c and arch-i386.c have in common: exceptions and call instructions. */
#pragma once

#include "core/arch.h"

#define ARCH_X86_TRAP_SIGNALS 15u
extern const struct arch_trap_signal arch_x86_trap_signals[ARCH_X86_TRAP_SIGNALS];

bool arch_x86_is_page_fault(uint64_t trap_number);
enum cw_access arch_x86_page_fault_access(uint64_t trap_number, uint64_t error);

/* The longest call instruction that is looked for: ff /2 with SIB and disp32. */
#define ARCH_X86_CALL_BYTES 7u
bool arch_x86_is_call(const uint8_t *before);
