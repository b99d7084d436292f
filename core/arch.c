/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of architectures. */
#include "core/arch.h"

static const struct arch *const arches[] = { &arch_x86_64, &arch_i386, &arch_aarch64 };

const struct arch *arch_find(uint16_t machine, uint8_t elf_class) {
	for (size_t i = 0; i < ELEMENTSOF(arches); i++)
		if (arches[i]->machine == machine && arches[i]->elf_class == elf_class)
			return arches[i];
	return NULL;
}

const char *arch_names(void) {
	return ARCH_NAMES;
}

uint64_t arch_untag(const struct arch *arch, uint64_t address) {
	if (arch->tag_bits == 0 || (address >> (63 - arch->tag_bits) & 1))
		return address;
	return address & (UINT64_MAX >> arch->tag_bits);
}
