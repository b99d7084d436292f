/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The analyzer ABI: what an analyzer is, the core as it sees it, and what it may ask of its host. See corewatch-analyzer(7).
 * An analyzer is one diagnosis. It is given a core that has been read, unwound and symbolised: const data, the host's, that
 * live as long as the core. It never touches the core file, and claims what it found with cw_finding_add() and the calls
 * that follow it. The same source builds into the worker or into a shared object in $(pkglibdir)/analyzers.
 *
 * Every value that describes the core comes from the crashed process and is untrusted: addresses may be wild,
 * strings are cut and cleaned but otherwise whatever the process wished. Host calls accept any address.
 * Units: addresses and sizes are bytes in the crashed process. "Unknown" is a has_ flag that is false, a NULL
 * pointer or -1 where it is written so, never 0.
 */
#ifndef COREWATCH_ANALYZER_H
#define COREWATCH_ANALYZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bumped with every change of this file that an old object would misread. Compared exactly when a plug-in loads. */
#define CW_ANALYZER_ABI 2u

#define CW_PUBLIC __attribute__((visibility("default")))
#define CW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* ── the core ─────────────────────────────────────────────────────────────────────────────────────────────── */

enum cw_arch { CW_ARCH_X86_64 = 1, CW_ARCH_I386, CW_ARCH_AARCH64 };
enum cw_access { CW_ACCESS_UNKNOWN, CW_ACCESS_READ, CW_ACCESS_WRITE, CW_ACCESS_EXEC };
enum cw_perm { CW_PERM_READ = 4, CW_PERM_WRITE = 2, CW_PERM_EXEC = 1 };

enum cw_region_kind {
	CW_REGION_UNMAPPED,
	CW_REGION_NULL_PAGE,     /* below 64 KiB, where nothing is ever mapped (vm.mmap_min_addr) */
	CW_REGION_NON_CANONICAL, /* no such address on this CPU: the fault carries none either */
	CW_REGION_KERNEL,        /* canonical, but the kernel's half */
	CW_REGION_STACK, CW_REGION_STACK_GUARD, /* within a thread's stack bounds; in the guard below, visible in the map or not */
	CW_REGION_BELOW_STACK,   /* the unmapped gap below the main stack, into which it would have grown */
	CW_REGION_HEAP,          /* brk heap */
	CW_REGION_MODULE, CW_REGION_FILE, CW_REGION_ANONYMOUS, CW_REGION_VDSO, /* MODULE: a mapped ELF file, FILE: another */
};

/* Where the bytes of an ELF file came from, and whether the file on disk is the one that was mapped. */
enum cw_module_state {
	CW_MODULE_PRESENT,
	CW_MODULE_REPLACED,   /* a file is there, with another build-id: it was not used */
	CW_MODULE_DELETED, CW_MODULE_UNREADABLE,
	CW_MODULE_MEMORY,     /* only what the core holds of it (vdso) */
	CW_MODULE_UNVERIFIED, /* used, but the core holds no build-id to compare with */
};

enum cw_debuginfo { CW_DEBUGINFO_NONE, CW_DEBUGINFO_SYMTAB, CW_DEBUGINFO_MINIDEBUG, CW_DEBUGINFO_DWARF };

struct cw_module {
	const char *path;          /* as the process had it mapped; "[vdso]" for the vdso */
	const char *build_id;      /* lower-case hex, or NULL */
	uint64_t start, end;       /* lowest and highest mapped address, end exclusive */
	uint64_t bias;             /* runtime address minus the file's own address */
	enum cw_module_state state;
	enum cw_debuginfo debuginfo; /* CW_DEBUGINFO_NONE until frames of it were looked up */
	const char *language;      /* of its first unit with frames: "C", "C++", "Rust", "Go", …; or NULL */
	int optimized;             /* 1 optimised build, 0 debug build, -1 unknown */
	bool is_executable;        /* the program itself */
};

struct cw_mapping {
	uint64_t start, end;
	uint64_t stored;           /* bytes from start that the core holds; the rest cannot be read */
	unsigned perm;             /* enum cw_perm, or-ed */
	enum cw_region_kind kind;  /* stack for the main stack only; ask cw_describe_address() about thread stacks */
	const char *name;          /* file, "[stack]", "[vdso]", "[heap]" or NULL */
	uint64_t file_offset;      /* of start, where name is a file */
	const struct cw_module *module; /* or NULL */
};

struct cw_signal {
	int number;
	int code;                  /* valid if has_code */
	bool has_code;
	bool has_address;          /* by the kernel's layout rule for (number, code): SI_KERNEL has none */
	uint64_t address;
	bool has_sender;
	int32_t sender_pid;
	uint32_t sender_uid;
	bool has_syscall;          /* SIGSYS */
	int32_t syscall;
	uint32_t syscall_arch;
	const char *name;          /* "SIGSEGV", never NULL */
	const char *code_name;     /* "SEGV_MAPERR", or NULL */
	const char *description;   /* one clause for people: "address not mapped", never NULL */
};

/* One source position. Any member may be NULL or 0. */
struct cw_location {
	const char *function;      /* demangled, cleaned, at most 1 KiB */
	const char *file;
	uint32_t line, column;
};

struct cw_symbol {
	struct cw_location at;     /* the physical function, and the line in it (the call site where callees are inlined) */
	const char *linkage_name;  /* the mangled name, or NULL */
	uint64_t start, size;      /* of the physical function; 0 if unknown */
	const struct cw_location *inlined; /* functions inlined at this pc, innermost first */
	size_t n_inlined;
};

enum cw_trust { CW_TRUST_CONTEXT, CW_TRUST_CFI, CW_TRUST_FRAME_POINTER, CW_TRUST_SCAN };

/*
 * One item of a folded stack, innermost first. With n_cycle == 0 it stands for `count` equal frames in a row; else for
 * `count` turns of a cycle of n_cycle frames, listed in `cycle` innermost first, pc, cfa and symbol being those of the first of them.
 */
struct cw_frame {
	uint32_t index;            /* of the first physical frame that it stands for, 0 = innermost */
	uint32_t count;            /* ≥ 1 */
	uint64_t pc;
	uint64_t cfa;              /* of the first frame; valid if has_cfa */
	bool has_cfa;
	bool signal_frame;         /* the kernel's signal frame: the frame after it was interrupted, not calling */
	bool exact_pc;             /* the pc is the instruction itself, not a return address */
	enum cw_trust trust;
	int64_t bytes;             /* stack bytes of one frame or one turn (CFA difference); -1 where stacks switch or unknown */
	const struct cw_module *module; /* or NULL */
	const struct cw_symbol *symbol; /* or NULL */
	const struct cw_frame *cycle;
	size_t n_cycle;
};

enum cw_stack_kind { CW_STACK_UNKNOWN, CW_STACK_MAIN, CW_STACK_PTHREAD, CW_STACK_ALTERNATE, CW_STACK_CUSTOM };

/* The bounds of the stack a thread was running on. Usable addresses are [low, high); the guard lies below low. */
struct cw_stack {
	enum cw_stack_kind kind;
	bool has_bounds;
	uint64_t low, high;
	bool has_guard;
	uint64_t guard_bytes;
	bool has_limit;
	uint64_t limit_bytes;      /* what the stack may grow to: RLIMIT_STACK for main (UINT64_MAX: unlimited), high - low else */
	uint64_t sp;               /* at the time of the fault, not of a handler that ran after it */
	bool has_used;
	uint64_t used_bytes;       /* high - sp; may exceed the limit */
	const char *source;        /* how the bounds are known, for people */
};

/* What lies above a stack's frames: an alternate stack's signal frame; a pthread's thread-local variables and the C library's
 * record of it (struct pthread); on the main stack argc, argv, envp and the auxiliary vector, and the strings of these. */
enum cw_stack_part_kind { CW_PART_SIGNAL_FRAME, CW_PART_STATIC_TLS, CW_PART_THREAD_CONTROL, CW_PART_ARGUMENTS, CW_PART_STRINGS };

struct cw_stack_part {
	enum cw_stack_part_kind kind;
	const struct cw_module *module; /* the one with most of the static TLS, or NULL */
	uint64_t start, bytes, module_bytes;
};

/* Who has stack.used_bytes: frames, parts and what is unaccounted for are exactly as much. */
struct cw_stack_use {
	bool known;
	uint64_t frames_bytes, unaccounted_bytes;
	const struct cw_stack_part *parts; /* by address */
	size_t n_parts;
};

/* Stack bytes of one function on one thread. Exact over all physical frames, folded or not. */
struct cw_function_use {
	const char *function;      /* demangled, or module+offset */
	const struct cw_module *module; /* or NULL */
	const struct cw_symbol *symbol; /* of one of its frames, or NULL */
	uint64_t count, bytes, largest_frame_bytes;
	uint64_t pc;               /* of its largest frame */
};

struct cw_thread {
	int32_t id;
	const char *name;          /* "main" for the initial thread unless it was renamed; NULL if not recoverable */
	bool crashed;
	bool is_main;
	uint64_t pc, sp;           /* as the core has them */
	const uint64_t *registers; /* by the architecture's own order, see cw_register_by_name() */
	size_t n_registers;
	struct cw_stack stack;
	const struct cw_frame *frames; /* folded, innermost first */
	size_t n_frames;
	uint32_t frame_count;      /* physical frames */
	uint32_t frames_omitted;   /* physical frames between the items that were too many to keep */
	bool complete;             /* the outermost frame was reached */
	const char *stop_reason;   /* why unwinding ended early, or NULL */
	const struct cw_function_use *functions; /* of the stack at the fault, largest first */
	size_t n_functions;
	const struct cw_frame *cycle; /* the folded cycle with the most bytes (count ≥ 3), or NULL */
	struct cw_stack_use use;   /* of the stack at the fault */
};

struct cw_operand {
	const char *text;          /* "qword ptr [rbp - 8]" */
	bool is_memory;
	bool has_address;          /* the address could be computed from the registers at hand */
	uint64_t address;
	uint32_t size;             /* bytes accessed, 0 if unknown */
	enum cw_access access;
	const char *base;          /* base register's name, or NULL */
	int64_t displacement;
	bool implicit;             /* push, call, ret, movs, …: not written in the operand list */
};

enum cw_instruction_class {
	CW_INSN_OTHER, CW_INSN_CALL, CW_INSN_JUMP, CW_INSN_RET, CW_INSN_PUSH, CW_INSN_POP, CW_INSN_DIVIDE,
	CW_INSN_PRIVILEGED, CW_INSN_ALIGNED_SIMD, CW_INSN_TRAP, CW_INSN_UNDEFINED, CW_INSN_SYSCALL,
};

#define CW_MAX_OPERANDS 6

struct cw_instruction {
	uint64_t address;
	uint8_t bytes[16];
	size_t length;
	const char *text;          /* Intel syntax */
	enum cw_instruction_class class_;
	uint32_t alignment;        /* that its memory operand must have, for aligned SIMD; else 0 */
	struct cw_operand operands[CW_MAX_OPERANDS];
	size_t n_operands;
};

struct cw_region {
	enum cw_region_kind kind;
	uint64_t address;          /* that was asked about */
	const struct cw_mapping *mapping, *before, *after; /* that holds it, or NULL; its neighbours, NULL at the ends */
	const struct cw_thread *thread; /* whose stack it is, for the three stack kinds; or NULL */
};

enum cw_fault_source { CW_FAULT_SIGINFO, CW_FAULT_SIGNAL_FRAME, CW_FAULT_RECONSTRUCTED };

/* What the CPU objected to; for SIGSEGV and SIGBUS with SI_KERNEL the reason has to be inferred. */
enum cw_fault_cause {
	CW_CAUSE_UNKNOWN, CW_CAUSE_PAGE_FAULT,
	CW_CAUSE_NON_CANONICAL,     /* #GP or #SS: an operand's address exists on no page */
	CW_CAUSE_PRIVILEGED,        /* #GP: an instruction for kernels */
	CW_CAUSE_MISALIGNED,        /* #GP or #AC */
	CW_CAUSE_BAD_SIGRETURN,     /* the frame given to rt_sigreturn was broken */
	CW_CAUSE_SIGNAL_UNDELIVERABLE, /* the kernel could not write the signal frame: no stack left for the handler */
	CW_CAUSE_OTHER_EXCEPTION,   /* divide, illegal instruction, breakpoint, … */
	CW_CAUSE_SENT,              /* not a fault: a process or the program itself sent the signal */
};

struct cw_fault {
	enum cw_fault_source source;
	enum cw_fault_cause cause;
	const char *cause_text;     /* why that cause: one sentence with the figures it rests on; or NULL */
	struct cw_signal signal;    /* the original one, where a handler ran; else as in cw_core.signal */
	uint64_t pc, sp;            /* at the fault */
	const uint64_t *registers;  /* at the fault, same order as the thread's */
	uint32_t frame_index;       /* physical index of the frame that faulted in the crashed thread's frames */
	bool has_address;
	uint64_t address;
	enum cw_access access;
	struct cw_region region;    /* of address; valid if has_address or kind is non-canonical */
	const struct cw_instruction *instruction; /* at pc, or NULL if its bytes are not to be had */
	int trap_number, error_code; /* -1 unknown */
};

struct cw_core {
	enum cw_arch arch;
	unsigned word_bytes;        /* 4 or 8 */
	uint64_t page_bytes;
	int32_t pid;
	uint32_t uid;
	const char *command;        /* the main thread's comm from NT_PRPSINFO, or NULL */
	const char *arguments;      /* first 80 bytes of the command line from NT_PRPSINFO, or NULL */
	const char *executable;     /* path, or NULL */
	struct cw_signal signal;    /* as delivered; the original one is fault->signal */
	const struct cw_thread *threads; /* the crashed one first */
	size_t n_threads;
	const struct cw_thread *crashed; /* never NULL */
	const struct cw_module *modules;
	size_t n_modules;
	const struct cw_module *program; /* the executable's module, or NULL */
	const struct cw_mapping *mappings; /* by address */
	size_t n_mappings;
	const struct cw_fault *fault; /* never NULL */
	bool truncated;             /* the file ends before its segments do */
	uint64_t address_space_limit; /* soft RLIMIT_AS, where it is known and not unlimited; else 0 */
};

/* ── analyzers ────────────────────────────────────────────────────────────────────────────────────────────── */

enum cw_confidence { CW_POSSIBLE = 1, CW_LIKELY, CW_CERTAIN };
struct cw_run;      /* one analyzer's turn */
struct cw_finding;  /* owned by the host */

struct cw_analyzer {
	uint32_t abi;               /* CW_ANALYZER_ABI */
	const char *name;           /* [a-z0-9-]+, unique */
	const char *summary;        /* one line for `corewatchctl analyzers` */
	int priority;               /* higher runs earlier; ties by name */
	/* One `Key=value` of the configuration's section [Analyzer NAME]. 0, or -errno: -ENOENT unknown key, -EINVAL bad value. May be NULL. */
	int (*configure)(const char *key, const char *value);
	/* Whether it has anything to say about such a core; cheap. NULL: always. */
	bool (*applies)(const struct cw_core *core);
	/* 0, or -errno: becomes a warning in the report, what it had found so far stays. */
	int (*run)(const struct cw_core *core, struct cw_run *run);
};

/* Defines an analyzer. In a plug-in the symbol is always cw_plugin; in the worker's own sources (CW_BUILTIN defined)
 * it is cw_builtin_<name>, listed in worker/plugins.c. */
#ifdef CW_BUILTIN
#define CW_ANALYZER(name) extern const struct cw_analyzer cw_builtin_##name; const struct cw_analyzer cw_builtin_##name
#else
#define CW_ANALYZER(name) extern CW_PUBLIC const struct cw_analyzer cw_plugin; CW_PUBLIC const struct cw_analyzer cw_plugin
#endif

/* ── what an analyzer may ask of its host ─────────────────────────────────────────────────────────────────── */

/* Reads memory of the crashed process: from the core, or from the unchanged file behind a mapping.
 * 0, or -EFAULT if not all of it is there; then nothing is written. */
CW_PUBLIC int cw_read(const struct cw_core *core, uint64_t address, void *ret_buffer, size_t length);

/* Reads one pointer-sized word, zero-extended. 0 or -EFAULT. */
CW_PUBLIC int cw_read_word(const struct cw_core *core, uint64_t address, uint64_t *ret_value);

/* Reads a C string of at most max bytes and cleans it (UTF-8, no control characters). The result is the host's.
 * NULL if there is no terminator within max, or no memory there. */
CW_PUBLIC const char *cw_read_string(const struct cw_core *core, uint64_t address, size_t max);

CW_PUBLIC const struct cw_mapping *cw_find_mapping(const struct cw_core *core, uint64_t address);
CW_PUBLIC const struct cw_module *cw_find_module(const struct cw_core *core, uint64_t address);

CW_PUBLIC void cw_describe_address(const struct cw_core *core, uint64_t address, struct cw_region *ret_region);
CW_PUBLIC const char *cw_region_name(enum cw_region_kind kind); /* the word used in reports */

/* The runtime address of a symbol by its linkage name, in one module or (module NULL) in the first that defines it.
 * 0 or -ENOENT. */
CW_PUBLIC int cw_find_symbol(const struct cw_core *core, const struct cw_module *module, const char *name, uint64_t *ret_address);

/* The function, its inlined chain and source line at pc. exact: pc is the instruction itself; else a return address,
 * and the instruction before it is meant. NULL if nothing is known. */
CW_PUBLIC const struct cw_symbol *cw_symbolize(const struct cw_core *core, uint64_t pc, bool exact);

/* Decodes the instruction at an address; operand addresses are computed from registers (NULL: not computed).
 * NULL if there are no bytes or they are no instruction. */
CW_PUBLIC const struct cw_instruction *cw_decode(const struct cw_core *core, uint64_t address, const uint64_t *registers);

/* A register's value by its usual name ("rsp", "rip", "sp", "pc"); -ENOENT if the architecture has no such register. */
CW_PUBLIC int cw_register_by_name(const struct cw_core *core, const uint64_t *registers, const char *name, uint64_t *ret_value);

/* The name of a system call by its number and the audit architecture of SIGSYS ("getppid"), or NULL. */
CW_PUBLIC const char *cw_syscall_name(const struct cw_core *core, uint32_t audit_arch, int32_t number);

struct cw_variable {
	const char *name;          /* "page", "list->head": an expression in the function at the fault; never NULL */
	const char *type;          /* "struct page *", or NULL */
	const char *member;        /* of what it points to, at the address that was accessed: "header.length"; or NULL */
	uint64_t value;            /* the pointer */
	bool is_parameter;
};

/* The variable that the pointer in a register came from, at the fault (cw_core.fault), by debug info; address: what was
 * accessed by it. NULL: no debug info, or none that shows it. */
CW_PUBLIC const struct cw_variable *cw_find_pointer(const struct cw_core *core, const char *register_name, uint64_t address);

/* printf into memory that lives as long as the core. NULL without memory. */
CW_PUBLIC const char *cw_format(const struct cw_core *core, const char *format, ...) CW_PRINTF(2, 3);

/* s as one word of a shell: as it is, or in quotes. For what cw_finding_suggest() says can be typed: a path is the crashed
 * process's own, and may have any text in it. NULL for NULL, and without memory. */
CW_PUBLIC const char *cw_shell_word(const struct cw_core *core, const char *s);

/* ── what an analyzer may claim ───────────────────────────────────────────────────────────────────────────── */

/* Adds a finding. id: the verdict's word (report-format: kebab-case). The summary is one sentence without a full stop,
 * at most 300 bytes (longer ones are cut). Never NULL: without memory a dummy is returned and the run fails. */
CW_PUBLIC struct cw_finding *cw_finding_add(struct cw_run *run, const char *id, enum cw_confidence confidence,
                                            const char *summary_format, ...) CW_PRINTF(4, 5);
/* Marks a finding as a measurement or explanation that supports others: it is reported but is never the verdict. */
CW_PUBLIC void cw_finding_supports(struct cw_finding *finding);
CW_PUBLIC void cw_finding_detail(struct cw_finding *finding, const char *format, ...) CW_PRINTF(2, 3);
CW_PUBLIC void cw_finding_evidence(struct cw_finding *finding, const char *format, ...) CW_PRINTF(2, 3);
/* id: kebab-case; command: what can be typed or pasted, or NULL; names and paths in it by cw_shell_word(). */
CW_PUBLIC void cw_finding_suggest(struct cw_finding *finding, const char *id, const char *command, const char *format, ...) CW_PRINTF(4, 5);

CW_PUBLIC void cw_fact_string(struct cw_finding *finding, const char *key, const char *value); /* NULL: JSON null */
CW_PUBLIC void cw_fact_integer(struct cw_finding *finding, const char *key, int64_t value);
CW_PUBLIC void cw_fact_address(struct cw_finding *finding, const char *key, uint64_t value); /* "0x…" */
CW_PUBLIC void cw_fact_boolean(struct cw_finding *finding, const char *key, bool value);
/* Adds one string to the array `key`. */
CW_PUBLIC void cw_fact_append(struct cw_finding *finding, const char *key, const char *value);

/* The most confident claim that analyzers run so far made about an id (NULL: about any; supporting findings do not count).
 * false if there is none. */
CW_PUBLIC bool cw_earlier_finding(const struct cw_run *run, const char *id, enum cw_confidence *ret_confidence);

#ifdef __cplusplus
}
#endif
#endif
