/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of instruction decoding that is the same on every CPU: bytes, and what was decoded before. What instructions
 * mean is in insn-x86.c and its like.
 *
 * The bytes are hostile, the decoders are libraries: they get at most MAX_BYTES of them.
 */
#include "core/insn.h"

#include "core/insn-private.h"

/* The longest instruction of any CPU we know (x86: 15). */
#define MAX_BYTES 15
/* Instructions that are remembered by address; a power of two. Walking the same function for each of two hundred
 * threads decodes it once. */
#define DECODED_BITS 11
#define DECODED_SLOTS (1u << DECODED_BITS)

static const struct insn_arch *const arches[] = { &insn_arch_x86_64, &insn_arch_i386, &insn_arch_aarch64 };

struct insn_decoder {
	const struct insn_arch *arch;
	void *state;
	const struct cw_instruction *decoded[DECODED_SLOTS]; /* without registers, in the core's arena; NULL: free */
};

void insn_decoder_free(struct insn_decoder *decoder) {
	if (!decoder)
		return;
	decoder->arch->close(decoder->state);
	free(decoder);
}

int insn_decoder_new(struct core *core, struct insn_decoder **ret_decoder) {
	struct insn_decoder *decoder;
	int r = -EOPNOTSUPP;

	for (size_t i = 0; i < ELEMENTSOF(arches); i++) {
		if (arches[i]->id != core->arch->id)
			continue;
		decoder = calloc(1, sizeof(*decoder));
		if (!decoder)
			return -ENOMEM;
		decoder->arch = arches[i];
		r = decoder->arch->open(core->arch, &decoder->state);
		if (r < 0)
			free(decoder);
		else
			*ret_decoder = decoder;
		break;
	}
	return r;
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

bool insn_register_value(struct core *core, const uint64_t *registers, const char *name, uint64_t *ret_value) {
	struct insn_builder b = { .core = core, .registers = registers };
	char whole[8];
	size_t n = strlen(name);

	if (insn_register(&b, name, ret_value))
		return true;
	if (core->arch->word_bytes != 8 || n < 2 || n >= sizeof(whole))
		return false;
	/* eax is the low half of rax, r8d of r8, w3 of x3. */
	memcpy(whole, name, n + 1);
	if (whole[0] == 'e')
		whole[0] = 'r';
	else if (whole[0] == 'w')
		whole[0] = 'x';
	else if (whole[0] == 'r' && whole[n - 1] == 'd')
		whole[n - 1] = 0;
	if (!insn_register(&b, whole, ret_value))
		return false;
	*ret_value &= UINT32_MAX;
	return true;
}

/* As many bytes as are there: an instruction may end with its mapping. */
static size_t read_bytes(struct core *core, uint64_t address, uint8_t *ret_bytes) {
	for (size_t n = MAX_BYTES; n > 0; n--)
		if (core_read(core, address, ret_bytes, n) == 0)
			return n;
	return 0;
}

static const struct cw_instruction *decode(struct core *core, uint64_t address, const uint64_t *registers) {
	struct insn_builder b = { .core = core, .registers = registers };
	uint8_t bytes[MAX_BYTES];
	size_t n = read_bytes(core, address, bytes);

	if (n == 0)
		return NULL;
	b.out = arena_alloc(core->arena, sizeof(*b.out));
	if (!b.out)
		return NULL;
	b.out->address = address;
	if (!core->decoder->arch->decode(core->decoder->state, &b, bytes, n))
		return NULL;
	b.out->length = MIN(b.out->length, n);
	memcpy(b.out->bytes, bytes, b.out->length);
	return b.out->text ? b.out : NULL;
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
