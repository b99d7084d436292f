/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGSEGV and SIGBUS of the CPU's making: which access to what by which instruction, and what that is called.
 *
 * `certain` is claimed where the instruction's own operand, evaluated with the registers, is the address of the fault;
 * where the operand is missing or the address was reconstructed from a stack pointer, it is `likely`. Overflows of
 * stacks are another analyzer's.
 */
#include <signal.h>
#include <string.h>

#include "signal-decode.h"

/* No struct or array is larger that a program reaches into through a null pointer by mistake. */
#define NULL_OFFSET_MAX (UINT64_C(1) << 30)

enum { CODE_MCEERR_AR = 4, CODE_MCEERR_AO = 5, CODE_PKUERR = 4, CODE_CPERR = 10 };

enum cw_confidence decode_proven(const struct decode *d) {
	if (decode_near_stack_end(d))
		return CW_POSSIBLE;
	/* Without a code the signal frame told only cr2. */
	return d->operand && d->fault->signal.has_code && d->fault->source != CW_FAULT_RECONSTRUCTED ? CW_CERTAIN
	                                                                                             : CW_LIKELY;
}

const char *decode_who(const struct decode *d) {
	return d->culprit ? decode_short(d->core, d->culprit) : d->place;
}

void decode_add_access(const struct decode *d, struct cw_finding *finding) {
	static const char *const words[] = {
		[CW_ACCESS_UNKNOWN] = "unknown", [CW_ACCESS_READ] = "read", [CW_ACCESS_WRITE] = "write",
		[CW_ACCESS_EXEC] = "exec",
	};

	cw_fact_address(finding, "address", d->fault->address);
	cw_fact_string(finding, "access", words[d->fault->access]);
	if (d->operand && d->operand->base)
		cw_fact_string(finding, "register", d->operand->base);
	if (d->variable) {
		cw_fact_string(finding, "variable", d->variable->name);
		cw_fact_string(finding, "type", d->variable->type);
		cw_fact_string(finding, "member", d->variable->member);
	}
	if (d->culprit)
		cw_fact_string(finding, "culprit", d->culprit);
}

const char *decode_base_clause(const struct decode *d) {
	const struct cw_variable *v = d->variable;
	const char *base = decode_base(d), *clause = base ? cw_format(d->core, " (%s)", base) : NULL;

	if (v && v->type)
		clause = cw_format(d->core, " (%s%s%s = 0x%" PRIx64 ")", v->type, v->type[0] && v->type[strlen(v->type) - 1] == '*' ? "" : " ", v->name, v->value);
	else if (v)
		clause = cw_format(d->core, " (%s = 0x%" PRIx64 ")", v->name, v->value);
	return clause ? clause : "";
}

/* Code that the JVM compiled, or its own: whose bug it is only the Java stack shows, which the JVM writes into a file. */
static bool suggest_jvm(const struct decode *d, struct cw_finding *finding) {
	const struct cw_module *at = d->frame ? d->frame->module : NULL;

	for (size_t i = 0; i < d->core->n_modules; i++) {
		const struct cw_module *m = &d->core->modules[i];

		if (!strstr(m->path, "/libjvm.so") || (at && at != m))
			continue;
		cw_finding_suggest(finding, "read-hs-err", NULL,
		    "the fault is in code %s: its own report, hs_err_pid%d.log in the working directory, names the Java method; Unsafe and native libraries are the usual reasons",
		    at ? "of the JVM" : "that the JVM compiled", d->core->pid);
		return true;
	}
	return false;
}

void decode_suggest_register(const struct decode *d, struct cw_finding *finding, const char *what) {
	const char *name = d->operand ? d->operand->base : NULL;

	if (d->variable)
		name = d->variable->name;
	if (suggest_jvm(d, finding))
		return;
	cw_finding_suggest(finding, "check-pointer", cw_format(d->core, "coredumpctl debug %d", d->core->pid),
	    "in %s, %s: `frame %u` and `info locals` in the debugger show where %s%s came from", decode_who(d), what,
	    d->fault->frame_index, name ? "the value of " : "it", name ? name : "");
}

/* A member so far into its struct that the address is no longer in the null page. */
static bool is_null_base(const struct decode *d) {
	uint64_t value;

	return d->operand && d->operand->base && !d->fault->region.mapping && d->fault->address < NULL_OFFSET_MAX &&
	       strcmp(d->operand->base, "rip") != 0 && decode_register(d, d->operand->base, &value) >= 0 && value == 0;
}

/* The register holds the address itself, and no member is likely to begin there: a count or an id, not a pointer. */
static bool is_number(const struct decode *d) {
	uint64_t value;

	return d->operand && d->operand->base && strcmp(d->operand->base, "rip") != 0 &&
	    decode_register(d, d->operand->base, &value) >= 0 && value == d->fault->address && value % 4 != 0;
}

static void claim_null(struct decode *d) {
	const struct cw_variable *v = d->variable && d->variable->value == 0 ? d->variable : NULL;
	struct cw_finding *finding;

	finding = decode_claim(d, "null-dereference", decode_proven(d), "%s %s %s0x%" PRIx64 "%s through a null pointer%s", d->place,
	    decode_verb(d->fault->access), v && v->member ? cw_format(d->core, "%s->%s, at ", v->name, v->member) : "address ",
	    d->fault->address, v && v->member ? "," : "", decode_base_clause(d));
	if (v && v->member)
		cw_finding_evidence(finding, "%s is at offset %" PRIu64 " of what %s, 0x%" PRIx64 ", points to", v->member, d->fault->address - v->value,
		    v->name, v->value);
	cw_fact_integer(finding, "offset", (int64_t)d->fault->address);
	decode_add_access(d, finding);
	decode_suggest_register(d, finding,
	    v ? cw_format(d->core, "check %s before it is used", v->name)
	    : is_number(d)
		? cw_format(d->core, "check the pointer whose member at offset 0x%" PRIx64 " is accessed, or what took the number %" PRIu64 " for a pointer",
		    d->fault->address, d->fault->address)
	    : d->fault->address > 0 ? cw_format(d->core, "check the pointer whose member at offset 0x%" PRIx64 " is accessed",
					d->fault->address)
				  : "check the pointer before it is accessed");
}

static const char *not_there(const struct decode *d) {
	switch (d->fault->region.kind) {
	case CW_REGION_NON_CANONICAL:
		return "no address of this CPU";
	case CW_REGION_KERNEL:
		return "an address of the kernel's half";
	default:
		return d->fault->region.mapping ? "mapped, yet could not be accessed" : "not mapped";
	}
}

static void claim_invalid(struct decode *d, const char *kind, enum cw_confidence confidence) {
	struct pointer_hint hint = { .kind = kind };
	struct cw_finding *finding;

	hint_find(d, &hint);
	finding = decode_claim(d, "invalid-pointer", confidence, "%s %s 0x%" PRIx64 ", which is %s%s%s%s", d->place,
	    decode_verb(d->fault->access), d->fault->address, not_there(d), decode_base_clause(d), hint.clause ? ": " : "",
	    hint.clause ? hint.clause : "");
	cw_fact_string(finding, "kind", hint.kind);
	decode_add_access(d, finding);
	if (hint.evidence)
		cw_finding_evidence(finding, "%s", hint.evidence);
	decode_suggest_register(d, finding,
	    hint.advice ? hint.advice : "the pointer was never valid, overwritten, or used after its memory was given back");
	cw_finding_suggest(finding, "address-sanitizer", "-fsanitize=address",
	    "build %s with AddressSanitizer: it stops where the pointer is spoilt, not where it is used", decode_who(d));
}

static void claim_protected(struct decode *d, const struct cw_mapping *mapping) {
	bool read_only = d->fault->access == CW_ACCESS_WRITE && mapping->perm != 0;
	struct cw_finding *finding;

	finding =
	    decode_claim(d, "protection-violation", decode_proven(d), "%s %s 0x%" PRIx64 " in %s, which is %s (%s)", d->place,
		decode_verb(d->fault->access), d->fault->address, decode_mapping_name(mapping),
		read_only ? "read-only" : mapping->perm == CW_PERM_EXEC ? "for execution only" : "not accessible", decode_perm(mapping));
	cw_fact_string(finding, "kind", read_only ? "read-only" : "no-access");
	decode_add_access(d, finding);
	if (read_only && mapping->module)
		cw_finding_suggest(finding, "copy-constant", NULL,
		    "the memory is constant data of %s (string literals, const objects): change a copy of it in %s, not the original",
		    mapping->name ? mapping->name : "the program", decode_who(d));
	else if (mapping->perm == 0 && d->fault->region.kind != CW_REGION_STACK_GUARD)
		cw_finding_suggest(finding, "check-bounds", NULL,
		    "memory without any permission is a guard, or was closed (mprotect, munmap of a part): %s used its byte %" PRIu64
		    "; check the length of what it copies, or who closed it",
		    decode_who(d), d->fault->address - mapping->start);
	else if (d->fault->region.kind == CW_REGION_STACK_GUARD)
		decode_suggest_register(d, finding,
		    "the pointer leads into the guard below a thread's stack, though that stack is not exhausted: it was not made from a local variable that exists");
	else
		decode_suggest_register(d, finding, "find out why memory without that permission was used");
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
		cw_finding_suggest(finding, "file-shrank", cw_format(d->core, "stat %s", cw_shell_word(d->core, mapping->name)),
		    "%s is shorter than offset %" PRIu64
		    ", or its device failed: someone truncated it while it was mapped; replace files by rename() instead",
		    mapping->name, mapping->file_offset + (d->fault->address - mapping->start));
	} else
		finding = decode_claim(d, "bus-error", CW_LIKELY, "%s %s memory that could not be provided", d->place,
		    decode_verb(d->fault->access));
	if (d->fault->has_address)
		decode_add_access(d, finding);
}

static void claim_page_fault(struct decode *d) {
	const struct cw_region *region = &d->fault->region;
	static const unsigned needed[] = {
		[CW_ACCESS_UNKNOWN] = 7, [CW_ACCESS_READ] = CW_PERM_READ, [CW_ACCESS_WRITE] = CW_PERM_WRITE,
		[CW_ACCESS_EXEC] = CW_PERM_EXEC,
	};

	if (d->fault->signal.number == SIGBUS && d->fault->signal.has_code)
		claim_bus(d);
	else if (d->fault->access == CW_ACCESS_EXEC)
		claim_jump(d);
	else if (claim_stack(d))
		return;
	else if (region->kind == CW_REGION_NULL_PAGE || is_null_base(d))
		claim_null(d);
	else if (region->mapping && (region->mapping->perm & needed[d->fault->access]) != needed[d->fault->access])
		claim_protected(d, region->mapping);
	else if (region->mapping) /* it should have worked: the map was changed since, a protection key, or a guard that
	                             mappings do not show */
		claim_invalid(d, "unmapped", CW_POSSIBLE);
	else
		claim_invalid(d, region->kind == CW_REGION_NON_CANONICAL ? "non-canonical" : "unmapped", decode_proven(d));
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
	    d->fault->address, alignment, decode_base_clause(d));
	cw_fact_integer(finding, "alignment", alignment);
	decode_add_access(d, finding);
	cw_finding_suggest(finding, "align-data", alignment > 0 ? cw_format(d->core, "_Alignas(%u)", alignment) : NULL,
	    "the compiler was promised data aligned to %u bytes in %s: align it (alignas, aligned_alloc), use unaligned loads, or look for a misaligned stack at its caller",
	    alignment, decode_who(d));
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
	    instruction, decode_who(d));
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
	else if (!claim_stack(d))
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
