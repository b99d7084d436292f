/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Core files by description, for tests: what the kernel would have written, or anything else that somebody could hand us.
 *
 *	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
 *
 *	writer_map(w, 0x400000, 0x1000, "rx", 0x1000);           start, bytes, permissions, bytes stored in the file
 *	writer_bytes(w, 0x400000, "\xc3", 1);                    into what is stored there
 *	writer_thread(w, 100, "rip", 0x400000, "rsp", 0x7ff0, NULL);
 *	writer_signal(w, SIGSEGV, 1, 0x10);
 *	struct blob b = writer_build(w);                         the file, to be cut and patched
 *	int fd = blob_file(b, UNPACK_ZSTD);                      a memfd, plain or packed
 *
 * The layouts stand here once more, on their own: the tables in core/arch-*.c are what is tested. Sources: Linux fs/binfmt_elf.c,
 * arch/x86/include/asm/user_64.h, user_32.h, arch/arm64/include/uapi/asm/ptrace.h. Whatever goes wrong in here fails the test that called. Everything is the writer's until
 * writer_free() (a core that writer_load() made must be gone by then), blobs and descriptors are the caller's.
 */
#pragma once

#include <elf.h>

#include "core/core.h"
#include "core/unpack.h"

struct writer;

struct writer_options {
	bool notes_last;       /* PT_NOTE's bytes behind those of the segments (the kernel has them in front) */
	bool xnum;             /* the number of program headers stands in the first section header (PN_XNUM) */
	bool no_prpsinfo, no_auxv;
	unsigned align;        /* of the segments in the file; 0: none */
};

/* machine: EM_X86_64, EM_386 or EM_AARCH64. */
struct writer *writer_new(uint16_t machine);
void writer_free(struct writer *w);
DEFINE_CLEANUP(struct writer *, writer_free);
struct writer_options *writer_options(struct writer *w);

/* A PT_LOAD. permissions: letters of "rwx", or "". stored: bytes of it that the file holds, zeros until writer_bytes(). */
void writer_map(struct writer *w, uint64_t start, uint64_t bytes, const char *permissions, uint64_t stored);
/* Into the last mapping that stores these addresses. */
void writer_bytes(struct writer *w, uint64_t address, const void *data, size_t length);
/* Words of the process's size, up to the number that is n. */
void writer_words(struct writer *w, uint64_t address, size_t n, const uint64_t *words);
#define writer_put(w, address, ...) \
	writer_words((w), (address), ELEMENTSOF(((uint64_t[]){ __VA_ARGS__ })), (uint64_t[]){ __VA_ARGS__ })

/* Thread notes in this order; the first is the crashed one. Then pairs of register name and uint64_t, up to NULL. */
void writer_thread(struct writer *w, int32_t id, ...) __attribute__((sentinel));
/* A note of the last thread, of the name "LINUX". */
void writer_thread_note(struct writer *w, uint32_t type, const void *data, size_t length);
/* NT_386_TLS of the last thread: one descriptor. */
static inline void writer_386_tls(struct writer *w, uint32_t entry, uint32_t base) {
	const uint32_t descriptor[4] = { entry, base, 0xfffff, 0x51 };

	writer_thread_note(w, NT_386_TLS, descriptor, sizeof(descriptor));
}
/* NT_SIGINFO with si_addr, and pr_cursig. Without it there is none. */
void writer_signal(struct writer *w, int number, int code, uint64_t address);
/* As above, with pid and uid in the place of the address. */
void writer_signal_sent(struct writer *w, int number, int code, int32_t pid, uint32_t uid);
/* NT_PRPSINFO; until it is called pid and uid are those of the first thread and 1000, the name "test". */
void writer_process(struct writer *w, int32_t pid, uint32_t uid, const char *name, const char *arguments);
void writer_auxv(struct writer *w, uint64_t type, uint64_t value);
/* One entry of NT_FILE. offset in bytes, a multiple of 4096. */
void writer_file(struct writer *w, uint64_t start, uint64_t end, uint64_t offset, const char *path);
/* Any other note, behind all others. */
void writer_note(struct writer *w, const char *name, uint32_t type, const void *data, size_t length);

/* A signal frame of x86-64 as it is when its trampoline is the pc: ucontext at sp, siginfo behind it. altstack may be 0, 0. */
struct writer_sigframe {
	uint64_t pc, sp, fp;   /* interrupted */
	int number, code;
	uint64_t address;
	uint64_t trap, error;
	uint64_t altstack, altstack_bytes;
};
void writer_sigframe(struct writer *w, uint64_t sp, const struct writer_sigframe *f);

/* The file. */
struct blob {
	uint8_t *data;
	size_t length;
	/* Where things ended up, for corruptions. */
	size_t phoff, phentsize, phnum; /* the note's program header is the first */
	size_t notes, notes_length;
};
struct blob writer_build(struct writer *w);
static inline void blob_free(struct blob *b) {
	free(b->data);
}
#define _cleanup_blob_ _cleanup_(blob_free)
void blob_patch(struct blob *b, size_t offset, const void *data, size_t length);
/* Sets a member of program header i: offsetof() of it in Elf64_Phdr and its size (or Elf32_Phdr, as the core is). */
static inline void blob_patch_phdr(struct blob *b, size_t i, size_t member, uint64_t value, size_t size) {
	blob_patch(b, i < b->phnum ? b->phoff + i * b->phentsize + member : SIZE_MAX, &value, size);
}
#define blob_phdr64(b, i, member, value) \
	blob_patch_phdr((b), (i), offsetof(Elf64_Phdr, member), (value), sizeof(((Elf64_Phdr *)0)->member))

/* Packed as systemd-coredump would (zstd with a checksum); UNPACK_PLAIN is a copy. */
struct blob blob_pack(struct blob b, enum unpack_format format);
int blob_file(struct blob b, enum unpack_format format); /* a memfd */
int blob_pipe(struct blob b, enum unpack_format format); /* the reading end of a pipe that holds all of it: up to 1 MiB */

/* core_load() of what was described, packed so; fails the test if that fails. */
struct core *writer_load(struct writer *w, enum unpack_format format, const struct core_options *options);
