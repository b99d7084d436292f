/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGSEGV and SIGBUS of the CPU's making: which access to what by which instruction, and what that is called.
 *
 * `certain` is claimed where the instruction's own operand, evaluated with the registers, is the address of the fault;
 * where the operand is missing or the address was reconstructed from a stack pointer, it is `likely`. Overflows of
 * stacks are another analyzer's.
 */
#include <signal.h>

#include "signal-decode.h"

enum { CODE_MCEERR_AR = 4, CODE_MCEERR_AO = 5, CODE_PKUERR = 4, CODE_CPERR = 10 };

/* How far above the top of a stack an access still counts as running over it. */
#define OVERRUN_MAX 4096

/* jemalloc and others fill freed memory with this byte when told to; a pointer read from there is made of it. */
#define FREED_BYTE 0x5a

static enum cw_confidence proven(const struct decode *d) {
	if (decode_near_stack_end(d))
		return CW_POSSIBLE;
	/* Without a code the signal frame told only cr2. */
	return d->operand && d->fault->signal.has_code && d->fault->source != CW_FAULT_RECONSTRUCTED ? CW_CERTAIN
	                                                                                             : CW_LIKELY;
}

static const char *text(const char *s) {
	return s ? s : "?";
}

static const char *who(const struct decode *d) {
	return d->culprit ? decode_short(d->core, d->culprit) : d->place;
}

static void add_access(const struct decode *d, struct cw_finding *finding) {
	static const char *const words[] = {
		[CW_ACCESS_UNKNOWN] = "unknown", [CW_ACCESS_READ] = "read", [CW_ACCESS_WRITE] = "write",
		[CW_ACCESS_EXEC] = "exec",
	};

	cw_fact_address(finding, "address", d->fault->address);
	cw_fact_string(finding, "access", words[d->fault->access]);
	if (d->operand && d->operand->base)
		cw_fact_string(finding, "register", d->operand->base);
	if (d->culprit)
		cw_fact_string(finding, "culprit", d->culprit);
}

static const char *base_clause(const struct decode *d) {
	const char *base = decode_base(d), *clause = base ? cw_format(d->core, " (%s)", base) : NULL;

	return clause ? clause : "";
}

static void suggest_register(const struct decode *d, struct cw_finding *finding, const char *what) {
	const char *name = d->operand ? d->operand->base : NULL;

	cw_finding_suggest(finding, "check-pointer", cw_format(d->core, "coredumpctl debug %d", d->core->pid),
	    "%s in %s: in the debugger, `frame %u` and `info locals` show where %s%s came from", what, who(d),
	    d->fault->frame_index, name ? "the value in " : "it", name ? name : "");
}

static void claim_null(struct decode *d) {
	struct cw_finding *finding;

	finding = decode_claim(d, "null-dereference", proven(d), "%s %s address 0x%" PRIx64 " through a null pointer%s",
	    d->place, decode_verb(d->fault->access), d->fault->address, base_clause(d));
	cw_fact_integer(finding, "offset", (int64_t)d->fault->address);
	add_access(d, finding);
	suggest_register(d, finding,
	    d->fault->address > 0 ? cw_format(d->core, "check the pointer whose member at offset 0x%" PRIx64 " is used",
					d->fault->address)
				  : "check the pointer before it is used");
}

/* A pointer that consists of one byte only: a fill pattern. */
static bool is_freed_pattern(const struct decode *d) {
	uint64_t value;

	if (!d->operand || !d->operand->base || decode_register(d, d->operand->base, &value) < 0)
		return false;
	for (unsigned i = 0; i < d->core->word_bytes; i++)
		if (((value >> (8 * i)) & 0xff) != FREED_BYTE)
			return false;
	return true;
}

static bool is_text(uint64_t address, unsigned bytes) {
	for (unsigned i = 0; i < bytes; i++)
		if (((address >> (8 * i)) & 0xff) < 0x20 || ((address >> (8 * i)) & 0xff) > 0x7e)
			return false;
	return true;
}

static void claim_invalid(struct decode *d, const char *kind, enum cw_confidence confidence) {
	const struct cw_stack *stack = &d->core->crashed->stack;
	struct cw_finding *finding;

	finding = decode_claim(d, "invalid-pointer", confidence, "%s %s 0x%" PRIx64 ", which is %s%s", d->place,
	    decode_verb(d->fault->access), d->fault->address,
	    d->fault->region.kind == CW_REGION_NON_CANONICAL ? "no address of this CPU"
	    : d->fault->region.kind == CW_REGION_KERNEL      ? "the kernel's"
							     : "not mapped",
	    base_clause(d));
	cw_fact_string(finding, "kind", is_freed_pattern(d) ? "freed" : kind);
	add_access(d, finding);
	if (is_freed_pattern(d))
		cw_finding_evidence(
		    finding, "every byte of the pointer is 0x5a, which allocators write into freed memory");
	if (is_text(d->fault->address, d->core->word_bytes - 1))
		cw_finding_evidence(finding,
		    "the bytes of the address are printable text, as after a string was written over the pointer");
	if (stack->has_bounds && d->fault->address >= stack->high && d->fault->address - stack->high < OVERRUN_MAX)
		cw_finding_evidence(finding,
		    "the address is %" PRIu64 " bytes above the top of the thread's stack (0x%" PRIx64 ")",
		    d->fault->address - stack->high, stack->high);
	suggest_register(
	    d, finding, "the pointer was never valid, overwritten, or used after its memory was given back");
	cw_finding_suggest(finding, "address-sanitizer", "-fsanitize=address",
	    "build %s with AddressSanitizer: it stops where the pointer is spoilt, not where it is used", who(d));
}

static void claim_overrun(struct decode *d) {
	const struct cw_stack *stack = &d->core->crashed->stack;
	struct cw_finding *finding;

	finding = decode_claim(d, "stack-overrun", CW_LIKELY, "%s wrote past the high end of the stack, at 0x%" PRIx64,
	    d->place, d->fault->address);
	cw_finding_evidence(finding, "the stack ends at 0x%" PRIx64 ", %" PRIu64 " bytes below the address (%s)",
	    stack->high, d->fault->address - stack->high, stack->source ? stack->source : "");
	add_access(d, finding);
	cw_finding_suggest(finding, "check-bounds", "-fsanitize=address",
	    "a loop or copy in %s ran over a local buffer towards higher addresses: check its length", who(d));
}

static void claim_protected(struct decode *d, const struct cw_mapping *mapping) {
	bool read_only = d->fault->access == CW_ACCESS_WRITE && mapping->perm != 0;
	struct cw_finding *finding;

	finding =
	    decode_claim(d, "protection-violation", proven(d), "%s %s 0x%" PRIx64 " in %s, which is %s (%s)", d->place,
		decode_verb(d->fault->access), d->fault->address, mapping->name ? mapping->name : "anonymous memory",
		read_only ? "read-only" : "not accessible", decode_perm(mapping));
	cw_fact_string(finding, "kind", read_only ? "read-only" : "no-access");
	add_access(d, finding);
	if (read_only && mapping->module)
		cw_finding_suggest(finding, "copy-constant", NULL,
		    "the memory is constant data of %s (string literals, const objects): change a copy of it in %s, not the original",
		    mapping->name ? mapping->name : "the program", who(d));
	else if (mapping->perm == 0 && d->fault->region.kind != CW_REGION_STACK_GUARD)
		cw_finding_suggest(finding, "check-bounds", NULL,
		    "memory without any permission is a guard: %s ran %" PRIu64
		    " bytes into it; check the length of what it copies",
		    who(d), d->fault->address - mapping->start + 1);
	else
		suggest_register(d, finding, "find out why memory without that permission was used");
}

/* Where calls leave their return address: in a register, or (NULL) at SP. */
static const char *link_register(const struct decode *d) {
	return d->core->arch == CW_ARCH_AARCH64 ? "x30" : NULL;
}

/* Whether the return address that a call would have left leads back into code. */
static bool was_called(const struct decode *d, const struct cw_symbol **ret_caller) {
	const char *link = link_register(d);
	const struct cw_mapping *mapping;
	uint64_t back;

	*ret_caller = NULL;
	if ((link ? decode_register(d, link, &back) : cw_read_word(d->core, d->fault->sp, &back)) < 0)
		return false;
	mapping = cw_find_mapping(d->core, back);
	if (!mapping || !(mapping->perm & CW_PERM_EXEC))
		return false;
	*ret_caller = cw_symbolize(d->core, back, false);
	return true;
}

static bool was_returned_to(const struct decode *d) {
	const char *link = link_register(d);
	uint64_t popped;

	if (link) /* the top byte is lost on the way: it may hold a tag */
		return decode_register(d, link, &popped) >= 0 && (popped ^ d->fault->pc) << 8 == 0;
	return cw_read_word(d->core, d->fault->sp - d->core->word_bytes, &popped) == 0 && popped == d->fault->pc;
}

/* "the word at SP (0x…)", "the link register (x30)"; below: what a return has taken. */
static const char *return_place(const struct decode *d, bool below) {
	const char *link = link_register(d);

	if (link)
		return text(cw_format(d->core, "the link register (%s)", link));
	return text(cw_format(
	    d->core, "the word %s SP (0x%" PRIx64 ")", below ? "below" : "at", d->fault->sp - (below ? d->core->word_bytes : 0)));
}

static void claim_jump(struct decode *d) {
	const struct cw_region *region = &d->fault->region;
	const char *kind = region->kind == CW_REGION_NULL_PAGE       ? "null"
	                   : region->kind == CW_REGION_NON_CANONICAL ? "non-canonical"
	                   : region->mapping                         ? "not-executable"
	                                                             : "unmapped";
	const char *what = region->kind == CW_REGION_NULL_PAGE ? "through a null function pointer"
	                   : region->mapping                   ? "into memory that is not code"
	                                                       : "to where nothing is mapped";
	const struct cw_symbol *caller;
	bool called = was_called(d, &caller);
	const char *name = caller && caller->at.function
	                       ? caller->at.function
	                       : decode_function(decode_frame(d->core, d->fault->frame_index + 1));
	struct cw_finding *finding;

	if (!called && was_returned_to(d)) {
		finding = decode_claim(d, "corrupted-return-address", CW_LIKELY,
		    "a function returned to 0x%" PRIx64 ", %s", d->fault->pc, what);
		cw_finding_evidence(finding, "%s is the program counter: a RET took it from there", return_place(d, true));
		cw_finding_suggest(finding, "stack-protector", "-fstack-protector-strong",
		    "a local buffer was overrun before: build with the stack protector to stop in the function that did it");
	} else {
		finding = decode_claim(d, "bad-jump",
		    d->fault->access == CW_ACCESS_EXEC && d->fault->signal.has_code ? CW_CERTAIN : CW_LIKELY,
		    "%s jumped %s, to 0x%" PRIx64, name ? name : "the program", what, d->fault->address);
		if (called)
			cw_finding_evidence(finding, "%s is a return address in %s", return_place(d, false), name ? name : "code");
		cw_finding_suggest(finding, "check-function-pointer", NULL,
		    "check the function pointer or virtual call in %s: %s", name ? name : who(d),
		    region->kind == CW_REGION_NULL_PAGE ? "it was never set"
							: "it was overwritten, or its object or library is gone");
	}
	cw_fact_string(finding, "kind", kind);
	cw_fact_string(finding, "caller", name);
	add_access(d, finding);
}

/* A call, jump or ret whose target is no address: the CPU stopped at the instruction itself. */
static void claim_bad_target(struct decode *d) {
	bool is_ret = d->fault->instruction && d->fault->instruction->class_ == CW_INSN_RET;
	struct cw_finding *finding;

	if (!d->fault->instruction) {
		claim_jump(d);
		return;
	}
	if (is_ret) {
		finding = decode_claim(d, "corrupted-return-address", d->operand ? CW_CERTAIN : CW_LIKELY,
		    "the return address of %s was overwritten with 0x%" PRIx64, d->place, d->fault->address);
		cw_finding_evidence(finding,
		    "the word at SP (0x%" PRIx64 "), which RET would have jumped to, is 0x%" PRIx64, d->fault->sp,
		    d->fault->address);
		if (is_text(d->fault->address, d->core->word_bytes))
			cw_finding_evidence(finding, "its bytes are printable text: a string was written over it");
		cw_finding_suggest(finding, "stack-protector", "-fstack-protector-strong",
		    "a local buffer of %s was overrun: check the lengths there, and build with the stack protector",
		    who(d));
	} else {
		finding = decode_claim(d, "bad-jump", d->operand ? CW_CERTAIN : CW_LIKELY,
		    "%s jumped to 0x%" PRIx64 ", which is no address of this CPU", d->place, d->fault->address);
		cw_fact_string(finding, "caller", decode_function(d->frame));
		cw_finding_suggest(finding, "check-function-pointer", NULL,
		    "check the function pointer or virtual call in %s: it was overwritten, or its object is gone",
		    who(d));
	}
	cw_fact_string(finding, "kind", "non-canonical");
	add_access(d, finding);
}

static void claim_bus(struct decode *d) {
	const struct cw_mapping *mapping = d->fault->region.mapping;
	const struct cw_signal *signal = &d->fault->signal;
	struct cw_finding *finding;

	if (signal->code == CODE_MCEERR_AR || signal->code == CODE_MCEERR_AO) {
		finding = decode_claim(
		    d, "bus-error", CW_CERTAIN, "%s used memory that the hardware reported as broken", d->place);
		cw_finding_suggest(finding, "hardware", "journalctl -k --grep='Hardware Error|mce'",
		    "the machine has a memory error, the program is not to blame");
	} else if (mapping && mapping->name && d->fault->has_address) {
		finding = decode_claim(d, "bus-error", CW_CERTAIN,
		    "%s %s 0x%" PRIx64 " in the mapping of %s, where the file has no data any more", d->place,
		    decode_verb(d->fault->access), d->fault->address, mapping->name);
		cw_fact_string(finding, "file", mapping->name);
		cw_fact_integer(
		    finding, "file_offset", (int64_t)(mapping->file_offset + (d->fault->address - mapping->start)));
		cw_finding_suggest(finding, "file-shrank", cw_format(d->core, "stat '%s'", mapping->name),
		    "%s is shorter than offset %" PRIu64
		    ", or its device failed: someone truncated it while it was mapped; replace files by rename() instead",
		    mapping->name, mapping->file_offset + (d->fault->address - mapping->start));
	} else
		finding = decode_claim(d, "bus-error", CW_LIKELY, "%s %s memory that could not be provided", d->place,
		    decode_verb(d->fault->access));
	if (d->fault->has_address)
		add_access(d, finding);
}

static void claim_page_fault(struct decode *d) {
	const struct cw_region *region = &d->fault->region;
	const struct cw_stack *stack = &d->core->crashed->stack;
	static const unsigned needed[] = {
		[CW_ACCESS_UNKNOWN] = 7, [CW_ACCESS_READ] = CW_PERM_READ, [CW_ACCESS_WRITE] = CW_PERM_WRITE,
		[CW_ACCESS_EXEC] = CW_PERM_EXEC,
	};

	if (d->fault->signal.number == SIGBUS)
		claim_bus(d);
	else if (d->fault->access == CW_ACCESS_EXEC)
		claim_jump(d);
	else if (region->kind == CW_REGION_NULL_PAGE)
		claim_null(d);
	else if (region->mapping && (region->mapping->perm & needed[d->fault->access]) != needed[d->fault->access])
		claim_protected(d, region->mapping);
	else if (d->fault->access == CW_ACCESS_WRITE && stack->has_bounds && d->fault->address >= stack->high &&
		 d->fault->address - stack->high < OVERRUN_MAX)
		claim_overrun(d);
	else if (region->mapping) /* it should have worked: the map was changed since, a protection key, or a guard that
	                             mappings do not show */
		claim_invalid(d, "unmapped", CW_POSSIBLE);
	else
		claim_invalid(d, region->kind == CW_REGION_NON_CANONICAL ? "non-canonical" : "unmapped", proven(d));
}

static void claim_misaligned(struct decode *d) {
	const struct cw_instruction *instruction = d->fault->instruction;
	unsigned alignment = instruction && instruction->alignment > 0 ? instruction->alignment
	                     : d->operand                              ? d->operand->size
	                                                               : 0;
	struct cw_finding *finding;

	if (!d->fault->has_address) {
		decode_claim(d, "misaligned-access", CW_LIKELY, "%s made a misaligned access", d->place);
		return;
	}
	if (d->fault->access == CW_ACCESS_EXEC) {
		claim_jump(d);
		return;
	}
	finding = decode_claim(d, "misaligned-access", d->operand ? CW_CERTAIN : CW_LIKELY,
	    "%s %s 0x%" PRIx64 ", which is not aligned to %u bytes%s", d->place, decode_verb(d->fault->access),
	    d->fault->address, alignment, base_clause(d));
	cw_fact_integer(finding, "alignment", alignment);
	add_access(d, finding);
	cw_finding_suggest(finding, "align-data", alignment > 0 ? cw_format(d->core, "_Alignas(%u)", alignment) : NULL,
	    "the compiler was promised data aligned to %u bytes in %s: align it (alignas, aligned_alloc), use unaligned loads, or look for a misaligned stack at its caller",
	    alignment, who(d));
}

void claim_privileged(struct decode *d) {
	const char *instruction = d->fault->instruction ? d->fault->instruction->text : "an instruction";
	struct cw_finding *finding;

	finding = decode_claim(d, "privileged-instruction", CW_CERTAIN, "%s executed \"%s\", which only the kernel may",
	    d->place, instruction);
	cw_fact_string(finding, "instruction", instruction);
	if (d->culprit)
		cw_fact_string(finding, "culprit", d->culprit);
	cw_finding_suggest(finding, "unreachable-code", NULL,
	    "\"%s\" in a program is either a deliberate stop after code that must not return, or no code at all: see how %s was reached",
	    instruction, who(d));
}

static void claim_unknown(struct decode *d) {
	struct cw_finding *finding;

	if (d->fault->signal.number == SIGBUS)
		finding = decode_claim(d, "bus-error", CW_LIKELY, "%s caused a bus error without an address", d->place);
	else if (d->fault->cause == CW_CAUSE_OTHER_EXCEPTION && d->fault->signal.code == CODE_CPERR)
		finding = decode_claim(d, "corrupted-return-address", CW_LIKELY,
		    "%s returned to another address than it was called from (shadow stack)", d->place);
	else
		finding = decode_claim(d, "unknown", CW_POSSIBLE, "%s in %s: %s", d->fault->signal.name, d->place,
		    d->fault->signal.description);
	if (d->culprit)
		cw_fact_string(finding, "culprit", d->culprit);
}

static void claim_non_canonical(struct decode *d) {
	if (d->fault->access == CW_ACCESS_EXEC)
		claim_bad_target(d);
	else
		claim_invalid(d, "non-canonical", d->operand ? CW_CERTAIN : CW_LIKELY);
}

void claim_memory(struct decode *d) {
	static void (*const claims[])(struct decode *d) = {
		[CW_CAUSE_UNKNOWN] = claim_unknown,
		[CW_CAUSE_PAGE_FAULT] = claim_page_fault,
		[CW_CAUSE_NON_CANONICAL] = claim_non_canonical,
		[CW_CAUSE_PRIVILEGED] = claim_privileged,
		[CW_CAUSE_MISALIGNED] = claim_misaligned,
		[CW_CAUSE_BAD_SIGRETURN] = claim_unknown,
		[CW_CAUSE_SIGNAL_UNDELIVERABLE] = claim_unknown,
		[CW_CAUSE_OTHER_EXCEPTION] = claim_unknown,
		[CW_CAUSE_SENT] = claim_sent,
	};

	claims[d->fault->cause](d);
}
