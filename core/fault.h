/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What really happened: the fault, reconstructed once from NT_SIGINFO, from the signal frame a handler left on the
 * stack, and from the decoded instruction and the registers. Rules and their sources: the kernel's
 * arch/x86/kernel/traps.c, mm/fault.c, kernel/signal.c.
 */
#pragma once

#include "core/core.h"

/* Needs: signal, threads with registers, mappings, modules, signal_contexts and, for the crashed thread, bounds of the
 * stack it ran on (stack_find_bounds() is called for the fault's sp, into threads[0].stack). Sets core->pub.fault
 * (never NULL afterwards). 0 or -ENOMEM. fault->instruction is the one at pc, or, where a trap or a forbidden system
 * call is reported behind the instruction, the one before it. */
int fault_reconstruct(struct core *core);

/* What an address is. Never fails. */
void fault_describe_address(const struct core *core, uint64_t address, struct cw_region *ret_region);
const char *fault_region_name(enum cw_region_kind kind);
