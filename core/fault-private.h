/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of fault.c share. Private to fault*.c. */
#pragma once

#include "core/fault.h"

/* Linux's numbers, so that a core of another host is read the same everywhere. */
enum { FAULT_SIGILL = 4, FAULT_SIGTRAP = 5, FAULT_SIGBUS = 7, FAULT_SIGFPE = 8, FAULT_SIGSEGV = 11, FAULT_SIGSYS = 31 };
enum { FAULT_SI_KERNEL = 128, FAULT_SEGV_PKUERR = 4, FAULT_BUS_ADRALN = 1 };

/* A signal that the CPU caused, not a process: code > 0, SI_KERNEL among them. */
bool fault_is_synchronous(const struct cw_signal *signal);

/* fault-frame.c: the original fault in the signal frame of a handler that then raised or aborted. Fills signal, pc, sp,
 * registers, frame_index and trap numbers. false: there is none. */
bool fault_from_signal_frame(struct core *core, struct cw_fault *fault);

/* The same for a handler that crashed itself, by another fault of the CPU's, while it handled the first one. The crashed
 * thread's stack must be known for the SP of that second fault. false: the second fault is the one to explain. */
bool fault_behind_crashed_handler(struct core *core, struct cw_fault *fault);

/* fault-cause.c: the reason for SIGSEGV and SIGBUS with SI_KERNEL, and of SIGBUS with BUS_ADRALN. Sets cause,
 * cause_text and, where it can be computed, the address. */
void fault_find_kernel_cause(struct core *core, struct cw_fault *fault);
void fault_find_misaligned(struct core *core, struct cw_fault *fault);
/* The memory operand whose bytes hold the address; NULL if none does. Targets of jumps do not count. */
const struct cw_operand *fault_find_operand(const struct cw_instruction *instruction, uint64_t address);
/* The data operand that cannot be accessed with the fault's registers; NULL: none. */
const struct cw_operand *fault_inaccessible_operand(const struct core *core, const struct cw_fault *fault, const struct cw_instruction *instruction);

/* fault-raised.c: the fault of the instruction at the PC, where a handler raised its signal again and returned. Fills
 * source, signal, cause, cause_text, address, access, region and instruction. false: the instruction could have gone on. */
bool fault_from_raised(struct core *core, struct cw_fault *fault);
