/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The folder of files that were fetched by build-id: their names, for the program that writes them (fetch/) and those
 * that read them (core/, daemon/). Contents are verified by the writer before they get their name, and again by the
 * worker that uses them.
 *
 * Files lie flat in the folder: "HEX.debuginfo", "HEX.executable"; "HEX.debuginfo.none" is empty and says by its time
 * of change when the servers last said that they have no such file. Names that begin with a dot are being written.
 *
 * Between corewatchd and the fetcher: one packet on the fetcher's descriptor 3 (SOCK_SEQPACKET), with the folder for the files as its
 * only attached descriptor. No answer: the end of the connection says that all was tried, and the folder has what came.
 *
 * The packet is text, one item a line, REQUEST_MAGIC the first:
 *   urls URL…            of servers, separated by blanks
 *   time-max N           seconds for all files together
 *   file-max N           bytes of one file
 *   cache-max N          bytes of all files in the folder
 *   absent-for N         seconds for which a file that the servers do not have is not asked for again
 *   want KIND BUILD-ID   the most wanted first
 */
#pragma once

#include "util/macro.h"

enum fetched_kind {
	FETCHED_DEBUGINFO,
	FETCHED_EXECUTABLE,
	_FETCHED_KIND_MAX,
};

#define REQUEST_MAGIC "corewatch-fetch/1"
/* The packet: 64 wanted files of the longest ids, and servers. */
#define REQUEST_BYTES_MAX KIB(32)
/* Of time-max. corewatch-fetch@.service has a longer RuntimeMaxSec=. */
#define REQUEST_TIME_MAX 600u

/* In hex digits. SHA-1's are 40; the format allows more, none is known over 64. */
#define FETCHED_ID_MIN 4u
#define FETCHED_ID_MAX 128u
#define FETCHED_NAME_SIZE (FETCHED_ID_MAX + sizeof(".executable.none"))

/* The word of a kind, and back: -EINVAL. */
const char *fetched_kind_name(enum fetched_kind kind);
int fetched_kind_from(const char *name, enum fetched_kind *ret_kind);

/* Whether this is a build-id as lower-case hex digits, two for each byte: then it is safe in a file's name. */
bool fetched_is_id(const char *id);

/* The file's name; absent: of the mark that there is none. id must be one (fetched_is_id()). */
void fetched_name(enum fetched_kind kind, const char *id, bool absent, char ret_name[static FETCHED_NAME_SIZE]);

/* Whether the folder has that file, and got it at that time (CLOCK_REALTIME, seconds; 0: ever) or later. */
bool fetched_is_there(int folder, enum fetched_kind kind, const char *id, int64_t since);
/* Whether the servers said less than `seconds` ago that they have no such file. A mark of the future counts as old. */
bool fetched_is_absent(int folder, enum fetched_kind kind, const char *id, uint64_t seconds);
