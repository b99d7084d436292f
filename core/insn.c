/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of instruction decoding that is the same on every CPU: bytes, capstone's handle, text. What operands mean is
 * in insn-x86.c and its like.
 *
 * The bytes are hostile, capstone is a library: it gets at most MAX_BYTES of them and allocates one instruction, once.
 */
#include "core/insn.h"

#include "core/insn-private.h"

/* The longest instruction of any CPU we know (x86: 15). */
#define MAX_BYTES 15
/* Instructions that are remembered by address; a power of two. Walking the same function for each of two hundred
 * threads decodes it once. */
#define DECODED_BITS 13
#define DECODED_SLOTS (1u << DECODED_BITS)

struct insn_arch {
	enum cw_arch id;
	int (*fill)(struct insn_builder *b);
};

static const struct insn_arch arches[] = {
	{ CW_ARCH_X86_64, insn_fill_x86 },
	{ CW_ARCH_I386, insn_fill_x86 },
	{ CW_ARCH_AARCH64, insn_fill_aarch64 },
};

struct insn_decoder {
	csh handle;
	cs_insn *insn;
	const struct insn_arch *arch;
	const struct cw_instruction *decoded[DECODED_SLOTS]; /* without registers, in the core's arena; NULL: free */
};

void insn_decoder_free(struct insn_decoder *decoder) {
	if (!decoder)
		return;
	if (decoder->insn)
		cs_free(decoder->insn, 1);
	if (decoder->handle)
		cs_close(&decoder->handle);
	free(decoder);
}

int insn_decoder_new(struct core *core, struct insn_decoder **ret_decoder) {
	struct insn_decoder *decoder = calloc(1, sizeof(*decoder));
	cs_err error;

	if (!decoder)
		return -ENOMEM;
	for (size_t i = 0; i < ELEMENTSOF(arches); i++)
		if (arches[i].id == core->arch->id)
			decoder->arch = &arches[i];

	error = cs_open((cs_arch)core->arch->capstone_arch, (cs_mode)core->arch->capstone_mode, &decoder->handle);
	if (error != CS_ERR_OK) {
		decoder->handle = 0;
		insn_decoder_free(decoder);
		return error == CS_ERR_MEM ? -ENOMEM : -EOPNOTSUPP;
	}
	cs_option(decoder->handle, CS_OPT_DETAIL, CS_OPT_ON);
	decoder->insn = cs_malloc(decoder->handle);
	if (!decoder->insn) {
		insn_decoder_free(decoder);
		return -ENOMEM;
	}
	*ret_decoder = decoder;
	return 0;
}

struct cw_operand *insn_add_operand(struct insn_builder *b, const char *text) {
	struct cw_operand *operand;

	if (!text || b->out->n_operands >= CW_MAX_OPERANDS)
		return NULL;
	operand = &b->out->operands[b->out->n_operands++];
	operand->text = text;
	return operand;
}

bool insn_register(const struct insn_builder *b, const char *name, uint64_t *ret_value) {
	const struct arch *arch = b->core->arch;

	if (!b->registers || !name)
		return false;
	for (size_t i = 0; i < arch->n_registers; i++)
		if (streq(arch->register_names[i], name)) {
			*ret_value = b->registers[i];
			return true;
		}
	return false;
}

/* As many bytes as are there: an instruction may end with its mapping. */
static size_t read_bytes(struct core *core, uint64_t address, uint8_t *ret_bytes) {
	for (size_t n = MAX_BYTES; n > 0; n--)
		if (core_read(core, address, ret_bytes, n) == 0)
			return n;
	return 0;
}

static const struct cw_instruction *decode(struct core *core, uint64_t address, const uint64_t *registers) {
	struct insn_decoder *decoder = core->decoder;
	uint8_t bytes[MAX_BYTES];
	const uint8_t *code = bytes;
	struct cw_instruction *out;
	uint64_t next = address;
	size_t n;

	n = read_bytes(core, address, bytes);
	if (n == 0 || !cs_disasm_iter(decoder->handle, &code, &n, &next, decoder->insn))
		return NULL;

	out = arena_alloc(core->arena, sizeof(*out));
	if (!out)
		return NULL;
	out->address = address;
	out->length = MIN((size_t)decoder->insn->size, sizeof(out->bytes));
	memcpy(out->bytes, bytes, MIN(out->length, sizeof(bytes)));
	out->text = arena_printf(
	    core->arena, "%s%s%s", decoder->insn->mnemonic, decoder->insn->op_str[0] ? " " : "", decoder->insn->op_str);
	if (!out->text)
		return NULL;
	if (decoder->arch) {
		struct insn_builder b = { core, decoder->handle, decoder->insn, registers, out };

		if (decoder->arch->fill(&b) < 0)
			return NULL;
	}
	return out;
}

const struct cw_instruction *insn_decode(struct core *core, uint64_t address, const uint64_t *registers) {
	const struct cw_instruction **slot, *decoded;

	if (!core->decoder)
		return NULL;
	/* Operands' addresses depend on registers, so only what was decoded without them is the same for everybody. */
	if (registers)
		return decode(core, address, registers);
	slot = &core->decoder->decoded[address * UINT64_C(0x9e3779b97f4a7c15) >> (64 - DECODED_BITS)];
	if (*slot && (*slot)->address == address)
		return *slot;
	decoded = decode(core, address, NULL);
	if (decoded)
		*slot = decoded;
	return decoded;
}
