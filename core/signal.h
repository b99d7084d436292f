/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals by name, and siginfo_t by the kernel's own layout rule: which member of the union is valid for which (number,
 * code). Linux 6.12 kernel/signal.c siginfo_layout(). */
#pragma once

#include "core/arch.h"

/* Decodes raw siginfo bytes (of the process's word size). Short data gives fewer members. data may come from a hostile
 * core. */
void signal_decode(const struct arch *arch, const uint8_t *data, size_t length, struct cw_signal *ret_signal);
/* A signal known by its number alone (no NT_SIGINFO: code unknown). */
void signal_from_number(int number, struct cw_signal *ret_signal);
const char *signal_name(int number); /* "SIGSEGV"; "SIGRTMIN+3"; "SIG?" for what is none. Static. */
const char *signal_code_name(int number, int code); /* "SEGV_MAPERR", "SI_KERNEL", or NULL */
