/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the rust-panic analyzer share. Private to rust*.c. */
#pragma once

#include "words.h"

/* What a panic says of itself. Any member may be NULL or 0. */
struct rust_panic {
	const char *message;
	uint64_t message_at;  /* where its text is */
	const char *file;     /* of its core::panic::Location */
	uint64_t location_at; /* which is there */
	uint32_t line, column;
};

/* Looks through the frames [first, last] of the panic machinery. Only what reads as what it should be is believed. */
void rust_read_panic(const struct words_stack *stack, size_t first, size_t last, struct rust_panic *ret_panic);
/* The same of a program without symbols: the unnamed frames from `first` on are looked through for the one thing that
 * only panics pass on, a core::panic::Location. False: none there. */
bool rust_read_stripped(const struct words_stack *stack, size_t first, struct rust_panic *ret_panic);
