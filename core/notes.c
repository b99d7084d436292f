/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See notes.h. Layouts: Linux fs/binfmt_elf.c (fill_note_info, fill_files_note), include/uapi/linux/elf.h; offsets per machine in the arch tables.
 * The kernel writes the crashing thread's NT_PRSTATUS first; then the notes of the process; then those of the other threads.
 */
#include "core/notes.h"

#include "core/signal.h"
#include "util/text.h"

/* /proc/sys/kernel/threads-max rarely exceeds 200 000; a thread costs us some 600 bytes. */
#define THREADS_MAX (1u << 17)
/* vm.max_map_count is 65530 by default. */
#define FILES_MAX (1u << 18)

static uint64_t word_at(const struct arch *arch, const uint8_t *p, size_t bytes) {
	uint64_t v = 0;

	(void)arch;
	memcpy(&v, p, bytes); /* little-endian hosts and cores only, see image.c */
	return v;
}

static const char *clean(struct core *core, const uint8_t *data, size_t length) {
	char buffer[512];

	text_clean((const char *)data, strnlen((const char *)data, length), buffer, sizeof(buffer));
	return arena_strdup(core->arena, buffer);
}

static int add_thread(struct core *core, const struct image_note *note, size_t *n) {
	const struct arch *arch = core->arch;
	struct cw_thread *t = &core->threads[*n];
	uint64_t *registers;

	if (note->length < arch->prstatus_bytes) {
		core_problem(core, "notes", "a thread's registers are cut: NT_PRSTATUS has %zu of %zu bytes", note->length, arch->prstatus_bytes);
		return 0;
	}
	registers = arena_alloc_array(core->arena, arch->n_registers, sizeof(*registers));
	if (!registers)
		return -ENOMEM;
	for (size_t i = 0; i < arch->n_prstatus_slots; i++) {
		const struct arch_slot *s = &arch->prstatus_slots[i];
		registers[s->reg] = word_at(arch, note->data + s->offset, s->bytes);
	}
	t->id = (int32_t)word_at(arch, note->data + arch->prstatus_pid_offset, 4);
	t->registers = registers;
	t->n_registers = arch->n_registers;
	t->pc = registers[arch->pc];
	t->sp = registers[arch->sp];
	t->crashed = *n == 0;
	(*n)++;
	return 0;
}

/* What belongs to the thread whose NT_PRSTATUS came last. */
static void parse_thread_note(struct core *core, const struct image_note *note, const struct cw_thread *t) {
	for (size_t i = 0; i < core->arch->n_thread_notes; i++)
		if (core->arch->thread_notes[i].type == note->type)
			core->arch->thread_notes[i].parse(note->data, note->length, (uint64_t *)(uintptr_t)t->registers);
}

static void parse_prpsinfo(struct core *core, const struct image_note *note) {
	const struct arch *a = core->arch;

	if (note->length < a->prpsinfo_args_offset + 80) {
		core_problem(core, "notes", "NT_PRPSINFO is cut");
		return;
	}
	core->pub.pid = (int32_t)word_at(a, note->data + a->prpsinfo_pid_offset, 4);
	core->pub.uid = (uint32_t)word_at(a, note->data + a->prpsinfo_uid_offset, a->prpsinfo_uid_bytes);
	core->pub.command = clean(core, note->data + a->prpsinfo_name_offset, 16);
	core->pub.arguments = clean(core, note->data + a->prpsinfo_args_offset, 80);
}

static void parse_auxv(struct core *core, const struct image_note *note) {
	const struct { uint64_t type; uint64_t *value; } wanted[] = {
		{ AT_RANDOM, &core->at_random },     { AT_EXECFN, &core->at_execfn }, { AT_SYSINFO_EHDR, &core->at_sysinfo_ehdr },
		{ 51, &core->at_minsigstksz },       { AT_PHDR, &core->at_phdr },     { AT_ENTRY, &core->at_entry },
		{ AT_PAGESZ, &core->at_pagesz },     { AT_SECURE, &core->at_secure },
	};
	size_t w = core->arch->word_bytes;

	for (size_t at = 0; at + 2 * w <= note->length; at += 2 * w) {
		uint64_t type = word_at(core->arch, note->data + at, w);

		for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
			if (wanted[i].type == type)
				*wanted[i].value = word_at(core->arch, note->data + at + w, w);
		if (type == AT_RANDOM)
			core->auxv_random = at;
		core->auxv_bytes = at + 2 * w;
		if (type == AT_NULL)
			break;
	}
}

static int compare_files(const void *a, const void *b) {
	const struct file_mapping *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start ? 1 : 0;
}

/* long count, page size; count times start, end, offset in pages; then as many paths. */
static int parse_files(struct core *core, const struct image_note *note, struct file_mapping **ret_files, size_t *ret_n) {
	size_t w = core->arch->word_bytes, table, n = 0;
	struct file_mapping *files;
	uint64_t count, page;
	const char *path, *end;

	if (note->length < 2 * w)
		return 0;
	count = word_at(core->arch, note->data, w);
	page = word_at(core->arch, note->data + w, w);
	if (count > FILES_MAX || count * 3 * w > note->length - 2 * w || page == 0 || page > MIB(1)) {
		core_problem(core, "notes", "the list of mapped files (NT_FILE) is damaged");
		return 0;
	}
	table = 2 * w;
	path = (const char *)note->data + table + count * 3 * w;
	end = (const char *)note->data + note->length;
	files = arena_alloc_array(core->arena, count, sizeof(*files));
	if (!files)
		return -ENOMEM;
	for (uint64_t i = 0; i < count && path < end; i++) {
		const uint8_t *e = note->data + table + i * 3 * w;
		size_t length = strnlen(path, (size_t)(end - path));
		struct file_mapping *f = &files[n];

		f->start = word_at(core->arch, e, w);
		f->end = word_at(core->arch, e + w, w);
		if (mul_u64(word_at(core->arch, e + 2 * w, w), page, &f->offset) && f->end > f->start && path + length < end) {
			static const char suffix[] = " (deleted)";

			f->deleted = length > sizeof(suffix) - 1 && memcmp(path + length - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1) == 0;
			f->path = arena_strndup(core->arena, path, f->deleted ? length - (sizeof(suffix) - 1) : length);
			if (!f->path)
				return -ENOMEM;
			n++;
		}
		path += length + 1;
	}
	qsort(files, n, sizeof(*files), compare_files);
	*ret_files = files;
	*ret_n = n;
	return 0;
}

static void finish(struct core *core, size_t n_threads, bool have_siginfo, int cursig) {
	if (!have_siginfo) {
		signal_from_number(cursig, &core->pub.signal);
		core_problem(core, "notes", "no NT_SIGINFO: the signal's code and address are unknown");
	}
	if (core->pub.pid == 0 && n_threads == 1)
		core->pub.pid = core->threads[0].id;
	for (size_t i = 0; i < n_threads; i++)
		core->threads[i].is_main = core->threads[i].id == core->pub.pid;
	/* The mask is the kernel's, and the same for all threads. Without the note: all above the address space. */
	if (core->arch->code_mask >= 0)
		core->code_mask = core->threads[0].registers[core->arch->code_mask] ?: ~(core->arch->user_end - 1);
	core->pub.threads = core->threads;
	core->pub.n_threads = n_threads;
	core->pub.crashed = &core->threads[0];
	core->pub.page_bytes = core->at_pagesz >= 4096 && core->at_pagesz <= MIB(1) && (core->at_pagesz & (core->at_pagesz - 1)) == 0 ?
				       core->at_pagesz : 4096;
}

int notes_parse(struct core *core, struct file_mapping **ret_files, size_t *ret_n_files) {
	const struct image_note *notes;
	size_t n, n_threads = 0, wanted = 0;
	bool have_siginfo = false;
	int r = 0, cursig = 0;

	*ret_files = NULL;
	*ret_n_files = 0;
	notes = image_notes(core->image, &n);
	for (size_t i = 0; i < n; i++)
		wanted += notes[i].type == NT_PRSTATUS && streq(notes[i].name, "CORE");
	core->threads = arena_alloc_array(core->arena, MIN(MAX(wanted, (size_t)1), (size_t)THREADS_MAX), sizeof(*core->threads));
	if (!core->threads)
		return -ENOMEM;
	for (size_t i = 0; i < n && r >= 0; i++) {
		const struct image_note *note = &notes[i];

		if (streq(note->name, "LINUX") && n_threads > 0)
			parse_thread_note(core, note, &core->threads[n_threads - 1]);
		if (!streq(note->name, "CORE"))
			continue;
		if (note->type == NT_PRSTATUS && n_threads < THREADS_MAX) {
			if (n_threads == 0 && note->length >= 14)
				cursig = (int)word_at(core->arch, note->data + 12, 2);
			r = add_thread(core, note, &n_threads);
		} else if (note->type == NT_SIGINFO && !have_siginfo) {
			signal_decode(core->arch, note->data, note->length, &core->pub.signal);
			have_siginfo = true;
		} else if (note->type == NT_PRPSINFO) {
			parse_prpsinfo(core, note);
		} else if (note->type == NT_AUXV) {
			parse_auxv(core, note);
		} else if (note->type == NT_FILE) {
			r = parse_files(core, note, ret_files, ret_n_files);
		}
	}
	if (r < 0)
		return r;
	if (n_threads == 0) {
		/* A core cut inside its notes: an empty thread keeps every later part simple. */
		uint64_t *none = arena_alloc_array(core->arena, core->arch->n_registers, sizeof(*none));
		if (!none)
			return -ENOMEM;
		core->threads[0] = (struct cw_thread){ .registers = none, .n_registers = 0, .crashed = true };
		n_threads = 1;
		core_problem(core, "notes", "the core holds no thread's registers");
	}
	finish(core, n_threads, have_siginfo, cursig);
	return 0;
}
