/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds what tells about the code of one module: DWARF, and symbol tables.
 *
 * Order: the file itself, DIR/.build-id/xx/yyyy.debug, .gnu_debuglink (beside the file, in .debug/, in DIR/path/),
 * files fetched by build-id (missing.h), .gnu_debugdata; and the dwz alternate file that DWARF may point to, in the same
 * places. DIR is each of debug_dirs. Each separate file
 * must show the module's build-id, or where there is none the debuglink's CRC. Formats: GDB manual, "Debugging
 * Information in Separate Files" and "MiniDebugInfo"; dwz(1).
 */
#pragma once

#include <elfutils/libdw.h>

#include "core/core.h"
#include "core/dwarf-load.h"
#include "core/dwarf-package.h"
#include "core/missing.h"

struct debuginfo {
	const struct module *module;
	const struct core_options *options;
	Elf *main;                 /* borrowed: the module's own file */
	struct debug_file separate;
	Elf *mini;                 /* unpacked .gnu_debugdata */
	void *mini_image;
	struct dwarf_handle dwarf; /* of main or of separate */
	struct debug_file alt_file;
	struct dwarf_handle alt;
	struct dwarf_package *package; /* split DWARF of all units, or NULL */
	char missing_alt[FETCHED_ID_MAX + 1]; /* the build-id of an alternate file that was not found, or "" */
	struct cache cache;        /* of inflated sections; max 0: none */
	const char *problem;       /* static: what was found and could not be used, or NULL */
};

/*
 * Finds the files; cheap. module must have an elf, which must outlive the result. options: debug_dirs and what was
 * fetched (borrowed). 0 or -ENOMEM: finding nothing is no error. Free with debuginfo_close().
 */
int debuginfo_open(const struct module *module, const struct core_options *options, struct debuginfo **ret_info);
void debuginfo_close(struct debuginfo *info);
DEFINE_CLEANUP(struct debuginfo *, debuginfo_close);

/*
 * Loads the DWARF of what was found into info->dwarf, with its alternate file: all of it, or with addresses (file
 * addresses, NULL: all) possibly no more than what tells about these; see info->dwarf.partial. What was loaded in
 * part before goes. 0 or -ENOMEM; see info->problem.
 */
int debuginfo_load(struct debuginfo *info, const uint64_t *addresses, size_t n);
/* Loads it again in a way that finds .dwo files: when units turn out to be split. The old handle is no longer valid. */
int debuginfo_load_whole(struct debuginfo *info);
/* Puts inflated sections into the cache, unless they come from there. */
void debuginfo_save(struct debuginfo *info);
/* Opens FILE.dwp beside the program or its debug file into info->package, where there is one. Done only when units turn out to be split. */
void debuginfo_open_package(struct debuginfo *info);
/* The folder of the file that holds the DWARF, into buffer of PATH_MAX bytes; NULL if not known. */
const char *debuginfo_directory(const struct debuginfo *info, char *buffer);
/* Unpacks .gnu_debugdata into info->mini, where there is one. Done only when nothing better was found. */
void debuginfo_open_mini(struct debuginfo *info);
