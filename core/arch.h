/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One CPU architecture as tables of facts: note layouts, register names and DWARF numbers, signal frames, address space.
 * A new CPU is one new arch-*.c file and one line in arch.c. The host's own architecture never decides how a core is read.
 *
 * Registers of a thread are an array of uint64_t in the arch's own order: first the DWARF registers by their DWARF number
 * (so that CFI needs no translation), then what else the kernel stores (flags, segment bases).
 */
#pragma once

#include <elf.h>

#include "corewatch/analyzer.h"
#include "util/macro.h"

#define ARCH_MAX_REGISTERS 40

/* Where one register lies in a kernel structure. */
struct arch_slot {
	uint16_t offset;   /* bytes from the structure's start */
	uint8_t reg;       /* our index */
	uint8_t bytes;     /* 4 or 8 (2 for segment registers) */
};

struct arch {
	enum cw_arch id;
	const char *name;             /* "x86_64": as in uname -m */
	uint16_t machine;             /* EM_* */
	uint8_t elf_class;            /* ELFCLASS32 or 64 */
	unsigned word_bytes;

	const char *const *register_names; /* n_registers, lower-case */
	size_t n_registers;
	size_t n_dwarf;               /* the first n_dwarf are DWARF registers */
	unsigned pc, sp, fp;          /* indexes; pc is also the DWARF return address column's register */
	int lr;                       /* link register's index, or -1 */
	int tls;                      /* index of the TLS base, or -1 */
	int syscall_number;           /* index of orig_rax and the like, or -1 */

	/* struct elf_prstatus */
	size_t prstatus_bytes, prstatus_pid_offset;
	const struct arch_slot *prstatus_slots;
	size_t n_prstatus_slots;

	/* struct elf_prpsinfo */
	size_t prpsinfo_pid_offset, prpsinfo_uid_offset, prpsinfo_uid_bytes, prpsinfo_name_offset, prpsinfo_args_offset;

	/* siginfo_t: kernel's siginfo_layout(); see signal.c */
	size_t siginfo_addr_offset, siginfo_pid_offset, siginfo_uid_offset;
	size_t siginfo_call_addr_offset, siginfo_syscall_offset, siginfo_arch_offset;

	/* rt_sigframe, relative to SP when the trampoline is the current pc */
	size_t sigframe_ucontext_offset, sigframe_siginfo_offset;
	const struct arch_slot *ucontext_slots;
	size_t n_ucontext_slots;
	size_t ucontext_stack_offset; /* stack_t: sp, flags, size as words */
	int ucontext_trapno_offset, ucontext_error_offset, ucontext_cr2_offset; /* -1: has none */
	const struct arch_bytes { const char *data; size_t length; } *trampolines; /* code bytes at pc */
	size_t n_trampolines;

	unsigned red_zone_bytes;      /* below SP, usable without moving it */
	uint64_t user_end;            /* first address that no user mapping can have */
	/* An address that the CPU can translate at all; non-canonical ones fault without an address. */
	bool (*is_canonical)(uint64_t address);
	/* Strips pointer authentication or tag bits from a return address; NULL: none. */
	uint64_t (*strip_pc)(uint64_t pc);
	int capstone_arch, capstone_mode; /* cs_arch, cs_mode as integers */
};

extern const struct arch arch_x86_64, arch_i386;

/* NULL: no such machine here. */
const struct arch *arch_find(uint16_t machine, uint8_t elf_class);
const char *arch_names(void); /* "x86_64, i386" for messages */
