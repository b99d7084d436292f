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

/* Names for messages; arch.c's table has them in this order. */
#define ARCH_NAMES "x86_64, i386, aarch64"

/* Where one register lies in a kernel structure. */
struct arch_slot {
	uint16_t offset;   /* bytes from the structure's start */
	uint8_t reg;       /* our index */
	uint8_t bytes;     /* 4 or 8 (2 for segment registers) */
};

/* A note of one thread, behind its NT_PRSTATUS, that adds to its registers (name "LINUX"). */
struct arch_note {
	uint32_t type;
	void (*parse)(const uint8_t *data, size_t length, uint64_t *registers);
};

/* An exception, as a signal frame records it. */
struct arch_trap {
	uint64_t number, error; /* x86: vector and error code; aarch64: class and syndrome of ESR_EL1 */
	uint64_t address;       /* of a page fault */
};

/* Which exceptions lead to which signal. */
struct arch_trap_signal {
	uint8_t number, signal;
};

enum arch_prologue {
	ARCH_PROLOGUE_NONE,   /* nothing, as far as can be seen: it still holds the return address, if this function has called nobody */
	ARCH_PROLOGUE_SAVED,  /* it was saved; the frame pointer is still a caller's */
	ARCH_PROLOGUE_FRAME,  /* the frame pointer points to where it was saved */
};

struct arch_bytes {
	const char *data;
	size_t length;
};

#define ARCH_MAX_UCONTEXT 2048

struct arch {
	enum cw_arch id;
	const char *name;             /* "x86_64": as in uname -m */
	uint16_t machine;             /* EM_* */
	uint8_t elf_class;            /* ELFCLASS32 or 64 */
	unsigned word_bytes;

	const char *const *register_names; /* n_registers, lower-case */
	size_t n_registers;
	size_t n_dwarf;               /* the first n_dwarf are DWARF registers */
	unsigned pc, sp, fp;          /* indexes; the DWARF return address column is pc or, where there is one, lr */
	int lr;                       /* link register's index, or -1: calls push the return address */
	int tls;                      /* index of the TLS base, or -1 */
	int syscall_number;           /* index of orig_rax and the like, or -1 */
	int go_register;              /* in which Go's code keeps the current goroutine, or -1: it has none, or only by its ABI0 */
	int code_mask;                /* index of the mask of authentication bits in code pointers, or -1: there are none */

	/* struct elf_prstatus */
	size_t prstatus_bytes, prstatus_pid_offset;
	const struct arch_slot *prstatus_slots;
	size_t n_prstatus_slots;
	const struct arch_note *thread_notes;
	size_t n_thread_notes;

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
	int ucontext_trapno_offset, ucontext_error_offset, ucontext_cr2_offset; /* -1: has none, but read_trap */
	/* What ucontext says of the exception; it is given as many of its first bytes (ARCH_MAX_UCONTEXT) as there are. false: nothing. */
	bool (*read_trap)(const uint8_t *ucontext, size_t length, struct arch_trap *ret_trap);
	const struct arch_bytes *trampolines; /* code bytes at pc */
	size_t n_trampolines;
	const struct arch_bytes *thread_exits; /* code behind the call of a thread's function: exit(what it returned) */
	size_t n_thread_exits;
	unsigned sigframe_min_bytes;  /* what the kernel writes at least for a handler */

	/* exceptions */
	const struct arch_trap_signal *trap_signals;
	size_t n_trap_signals;
	bool (*is_page_fault)(uint64_t trap_number);
	enum cw_access (*page_fault_access)(uint64_t trap_number, uint64_t error);
	bool has_general_protection;  /* some faults come without an address (SI_KERNEL): x86's #GP and #SS */
	uint8_t trap_lengths[2];      /* of breakpoint instructions that the pc is reported behind; 0: it is reported at them */

	/* rt_sigreturn, and the instruction that enters the kernel (the pc is reported behind it) */
	uint64_t sigreturn_number;
	struct arch_bytes syscall;

	/* Whether the `length` bytes in front of a would-be return address can end with a call; call_max_bytes are asked for. */
	size_t call_max_bytes;
	bool (*is_call)(const uint8_t *before);
	/* With a link register, what the function at a pc has done with it, by the `length` bytes of code that end there; has_called: it has called
	 * another, and must have saved it before. NULL: no link register. */
	enum arch_prologue (*prologue)(const uint8_t *code, size_t length, bool has_called);

	bool pthread_below_tls;       /* struct pthread ends at the TLS base (variant I) instead of beginning there */
	unsigned tag_bits;            /* top bits of a data address that the CPU does not look at, bar the one below them; 0: none */
	unsigned red_zone_bytes;      /* below SP, usable without moving it */
	uint64_t user_end;            /* first address that no user mapping can have */
	/* An address that the CPU can translate at all; with has_general_protection the others fault without an address. */
	bool (*is_canonical)(uint64_t address);
};

extern const struct arch arch_x86_64, arch_i386, arch_aarch64;

/* NULL: no such machine here. */
const struct arch *arch_find(uint16_t machine, uint8_t elf_class);
const char *arch_names(void); /* ARCH_NAMES, for messages */
/* A data address as the CPU takes it: without the tag. Addresses of the kernel's half are left alone. */
uint64_t arch_untag(const struct arch *arch, uint64_t address);
