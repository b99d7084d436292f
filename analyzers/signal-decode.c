/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decoded signal in words that can be checked by hand in a debugger: what `p $_siginfo`, `x/i $pc`, `info
 * registers` and `info proc mappings` show. It states what is; what follows from it is claimed elsewhere.
 */
#include "signal-decode.h"
#include "words.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

/* Of the frames that are looked through for a function by name. */
#define FRAMES_MAX 16

/* An access this near to SP or to the end of a stack may be the stack's own. */
#define NEAR_BYTES 65536

/* What is further away is no neighbour. */
#define NEIGHBOUR_MAX (UINT64_C(1) << 40)

static const char *text(const char *s) {
	return s ? s : "?";
}

bool decode_has_function(const struct cw_core *core, const char *const *names, size_t n) {
	const char *function;

	for (size_t i = 0; i < core->crashed->n_frames && i < FRAMES_MAX; i++) {
		function = core->crashed->frames[i].symbol ? core->crashed->frames[i].symbol->at.function : NULL;
		for (size_t k = 0; function && k < n; k++)
			if (strcmp(function, names[k]) == 0)
				return true;
	}
	return false;
}

const char *decode_verb(enum cw_access access) {
	static const char *const verbs[] = {
		[CW_ACCESS_UNKNOWN] = "accessed", [CW_ACCESS_READ] = "read from", [CW_ACCESS_WRITE] = "wrote to",
		[CW_ACCESS_EXEC] = "jumped to",
	};

	return verbs[access];
}

const char *decode_perm(const struct cw_mapping *mapping) {
	static const char *const perms[] = { "---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx" };

	return perms[mapping->perm & 7];
}

/* The last page but a few of the address space: the old system calls of x86-64, at an address that is part of its ABI. */
const char *decode_mapping_name(const struct cw_mapping *mapping) {
	return mapping->name ? mapping->name : mapping->start == UINT64_C(0xffffffffff600000) ? "[vsyscall]" : "anonymous memory";
}

static const char *mapping_text(const struct cw_core *core, const struct cw_mapping *mapping) {
	return text(cw_format(core, "%s (0x%" PRIx64 "-0x%" PRIx64 " %s)",
	    decode_mapping_name(mapping), mapping->start, mapping->end, decode_perm(mapping)));
}

/* "4 bytes above A, 8 below B": the one that is nearer first would hide which side was run over, so by address. */
static const char *neighbours(const struct cw_core *core, const struct cw_region *region) {
	const char *before = NULL, *after = NULL;

	if (region->before && region->address - region->before->end < NEIGHBOUR_MAX)
		before = cw_format(core, "%" PRIu64 " bytes above the end of %s", region->address - region->before->end,
		    mapping_text(core, region->before));
	if (region->after && region->after->start - region->address < NEIGHBOUR_MAX)
		after = cw_format(core, "%" PRIu64 " bytes below %s", region->after->start - region->address,
		    mapping_text(core, region->after));
	if (before && after)
		return cw_format(core, "%s and %s", before, after);
	return before ? before : after;
}

const char *decode_region(const struct decode *d) {
	const struct cw_region *region = &d->fault->region;
	const char *kind = cw_region_name(region->kind), *around;

	switch (region->kind) {
	case CW_REGION_NULL_PAGE:
		return text(cw_format(d->core, "0x%" PRIx64 " lies in the null page (below 64 KiB)", region->address));
	case CW_REGION_NON_CANONICAL:
		return text(
		    cw_format(d->core, "0x%" PRIx64 " is not canonical: no address of this CPU", region->address));
	case CW_REGION_KERNEL:
		return text(cw_format(
		    d->core, "0x%" PRIx64 " lies in the kernel's half of the address space", region->address));
	default:
		break;
	}
	if (region->thread && region->thread->stack.has_bounds)
		return text(cw_format(d->core,
		    "0x%" PRIx64 " lies in region %s of thread %d, whose stack is 0x%" PRIx64 "-0x%" PRIx64,
		    region->address, kind, region->thread->id, region->thread->stack.low, region->thread->stack.high));
	if (region->mapping)
		return text(cw_format(d->core, "0x%" PRIx64 " lies in %s, %s", region->address,
		    mapping_text(d->core, region->mapping), kind));
	around = neighbours(d->core, region);
	return text(cw_format(
	    d->core, "0x%" PRIx64 " is not mapped%s%s", region->address, around ? ": " : "", around ? around : ""));
}

const char *decode_base(const struct decode *d) {
	uint64_t value;

	if (!d->operand || !d->operand->base || decode_register(d, d->operand->base, &value) < 0)
		return NULL;
	return cw_format(d->core, "%s = 0x%" PRIx64, d->operand->base, value);
}

int decode_register(const struct decode *d, const char *name, uint64_t *ret_value) {
	/* Parts of x86 registers: the whole of 64 bits, of 32 bits, and the names of the parts. */
	static const struct {
		const char *wide, *narrow, *word, *byte;
	} parts[] = {
		{ "rax", "eax", "ax", "al" }, { "rbx", "ebx", "bx", "bl" }, { "rcx", "ecx", "cx", "cl" },
		{ "rdx", "edx", "dx", "dl" }, { "rsi", "esi", "si", "sil" }, { "rdi", "edi", "di", "dil" },
		{ "rbp", "ebp", "bp", "bpl" }, { "rsp", "esp", "sp", "spl" },
	};
	char whole[4] = "";

	if (cw_register_by_name(d->core, d->fault->registers, name, ret_value) >= 0)
		return 0;
	for (size_t i = 0; i < COUNT(parts); i++)
		if (strcmp(name, parts[i].narrow) == 0 || strcmp(name, parts[i].word) == 0 ||
		    strcmp(name, parts[i].byte) == 0)
			return cw_register_by_name(d->core, d->fault->registers,
			    d->core->word_bytes == 8 ? parts[i].wide : parts[i].narrow, ret_value);
	/* aarch64: w3 is the low half of x3. */
	if (name[0] == 'w' && strlen(name) <= 3) {
		snprintf(whole, sizeof(whole), "x%s", name + 1);
		if (cw_register_by_name(d->core, d->fault->registers, whole, ret_value) < 0)
			return -ENOENT;
		*ret_value &= UINT32_MAX;
		return 0;
	}
	/* r8d, r10w, r15b */
	if (name[0] != 'r' || strlen(name) < 3 || strlen(name) > 4)
		return -ENOENT;
	memcpy(whole, name, strlen(name) - 1);
	return cw_register_by_name(d->core, d->fault->registers, whole, ret_value);
}

bool decode_near_stack_end(const struct decode *d) {
	const struct cw_stack *stack = &d->core->crashed->stack;
	const struct cw_region *region = &d->fault->region;

	if ((region->kind == CW_REGION_BELOW_STACK || region->kind == CW_REGION_STACK_GUARD) &&
	    region->thread == d->core->crashed && d->fault->sp < stack->low + NEAR_BYTES)
		return true;
	/* SP where no stack is known, and the access beside it. */
	return (!stack->has_bounds || d->fault->sp < stack->low) && d->fault->address + NEAR_BYTES >= d->fault->sp &&
	       d->fault->address < d->fault->sp + NEAR_BYTES;
}

static const struct cw_operand *find_operand(const struct cw_fault *fault) {
	const struct cw_operand *operand;

	for (size_t i = 0; fault->has_address && fault->instruction && i < fault->instruction->n_operands; i++) {
		operand = &fault->instruction->operands[i];
		if (operand->is_memory && operand->has_address &&
		    (operand->access == CW_ACCESS_EXEC) == (fault->access == CW_ACCESS_EXEC) &&
		    fault->address >= operand->address &&
		    fault->address - operand->address < (operand->size > 0 ? operand->size : 1))
			return operand;
	}
	return NULL;
}

void decode_init(struct decode *d, const struct cw_core *core, struct cw_run *run) {
	const struct cw_location *culprit = decode_culprit(core, core->fault->frame_index);

	*d = (struct decode){ .core = core, .run = run, .fault = core->fault };
	d->frame = decode_frame(core, d->fault->frame_index);
	d->operand = find_operand(d->fault);
	d->place = text(decode_place(d, culprit));
	d->culprit = culprit ? culprit->function : NULL;
	if (d->operand && d->operand->base && d->fault->access != CW_ACCESS_EXEC && d->fault->cause != CW_CAUSE_OTHER_EXCEPTION)
		d->variable = cw_find_pointer(core, d->operand->base, d->fault->address);
}

static void add_signal(
    const struct decode *d, struct cw_finding *finding, const char *what, const struct cw_signal *signal) {
	const char *code = NULL, *rest = NULL;

	if (signal->has_code)
		code =
		    cw_format(d->core, ", si_code %d (%s)", signal->code, signal->code_name ? signal->code_name : "?");
	if (signal->has_address)
		rest = cw_format(d->core, ", address 0x%" PRIx64, signal->address);
	else if (signal->has_sender)
		rest = cw_format(d->core, ", sender pid %d, uid %u", signal->sender_pid, signal->sender_uid);
	else if (signal->has_syscall)
		rest = cw_format(d->core, ", system call %d, audit arch 0x%x", signal->syscall, signal->syscall_arch);
	cw_finding_evidence(finding, "%s%s%s%s", what, signal->name, code ? code : "", rest ? rest : "");
}

static void add_instruction(const struct decode *d, struct cw_finding *finding) {
	const struct cw_instruction *instruction = d->fault->instruction;
	const char *base = decode_base(d);

	if (!instruction) {
		cw_finding_evidence(finding, "pc 0x%" PRIx64 ", sp 0x%" PRIx64, d->fault->pc, d->fault->sp);
		return;
	}
	cw_finding_evidence(
	    finding, "instruction at 0x%" PRIx64 " in %s: %s", instruction->address, d->place, instruction->text);
	if (base && d->variable)
		cw_finding_evidence(finding, "%s, from %s%s%s%s", base, d->variable->name, d->variable->type ? " (" : "",
		    d->variable->type ? d->variable->type : "", d->variable->type ? ")" : "");
	else if (base)
		cw_finding_evidence(finding, "%s", base);
}

/* Everything there is to see, in the order in which one would look. */
static void add_evidence(const struct decode *d, struct cw_finding *finding) {
	const struct cw_fault *fault = d->fault;

	if (fault->source == CW_FAULT_SIGNAL_FRAME) {
		add_signal(d, finding, d->core->signal.has_address ? "last, in the handler itself: " : "delivered: ", &d->core->signal);
		add_signal(d, finding, "original, from the signal frame on the stack: ", &fault->signal);
	} else if (fault->source == CW_FAULT_RECONSTRUCTED && d->core->signal.has_sender)
		add_signal(d, finding, "delivered: ", &d->core->signal);
	else
		add_signal(d, finding, "", &fault->signal);
	if (fault->cause != CW_CAUSE_SENT)
		add_instruction(d, finding);
	if (fault->has_address && fault->signal.number != 8 /* SIGFPE: the pc again */)
		cw_finding_evidence(finding, "%s", decode_region(d));
	if (fault->error_code >= 0)
		cw_finding_evidence(
		    finding, "trap number %d, error code 0x%x", fault->trap_number, (unsigned)fault->error_code);
	if (fault->cause_text && (fault->cause != CW_CAUSE_PAGE_FAULT || fault->source == CW_FAULT_RECONSTRUCTED))
		cw_finding_evidence(finding, "%s", fault->cause_text);
}

struct cw_finding *decode_claim(
    struct decode *d, const char *id, enum cw_confidence confidence, const char *summary_format, ...) {
	struct cw_finding *finding;
	char summary[512];
	va_list ap;

	va_start(ap, summary_format);
	vsnprintf(summary, sizeof(summary), summary_format, ap);
	va_end(ap);
	finding = cw_finding_add(d->run, id, confidence, "%s", summary);
	add_evidence(d, finding);
	if (d->core->program && words_match(words_base_name(d->core->program->path), (const char *const[]){ "python3*", NULL }))
		cw_finding_suggest(finding, "python-stack", "python3 -X faulthandler",
		    "a core does not show Python's own functions: run it with this, and the Python stack is printed when it crashes");
	return finding;
}

void claim_decoded(struct decode *d) {
	const struct cw_fault *fault = d->fault;
	const char *name = fault->signal.name, *where = d->place;
	struct cw_finding *finding;

	if (fault->has_address && fault->cause != CW_CAUSE_OTHER_EXCEPTION)
		finding = decode_claim(d, "signal", CW_CERTAIN, "%s: %s %s 0x%" PRIx64 " (%s)", name, where,
		    decode_verb(fault->access), fault->address, cw_region_name(fault->region.kind));
	else
		finding =
		    decode_claim(d, "signal", CW_CERTAIN, "%s: %s, in %s", name, fault->signal.description, where);
	cw_finding_supports(finding);
}
