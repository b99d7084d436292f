/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report's schema as tables, and the one function that lets hostile JSON in: it copies what the tables know and
 * what has the right type, and nothing else. Strings come out clean, numbers in range, arrays and the whole within
 * limits. The tables mirror conf/corewatch-report-1.schema.json (shapes.c).
 */
#pragma once

#include <json-c/json.h>

#include "util/macro.h"

enum shape_type {
	SHAPE_STRING,  /* any text; cleaned, cut to max bytes */
	SHAPE_WORD,    /* one of words */
	SHAPE_KEBAB,   /* ^[a-z0-9]+(-[a-z0-9]+)*$ */
	SHAPE_HEX,     /* ^[0-9a-f]{2,64}$ */
	SHAPE_ADDRESS, /* ^0x[0-9a-f]{1,16}$ */
	SHAPE_SIGNAL,  /* ^SIG[A-Z0-9+-]*$ */
	SHAPE_INTEGER, /* low … high */
	SHAPE_NUMBER,  /* finite, not negative */
	SHAPE_BOOLEAN,
	SHAPE_OBJECT,    /* members: of */
	SHAPE_ARRAY,     /* of one shape, at most max items; wrong items are dropped */
	SHAPE_REGISTERS, /* any names, each an address */
	SHAPE_FACTS,     /* any names, any values */
};

enum shape_flags {
	SHAPE_REQUIRED = 1, /* an object without it is dropped */
	SHAPE_NULLABLE = 2,
	SHAPE_PROSE = 8,   /* of a string: line feeds and tabs are blanks, not errors */
	SHAPE_PARTIAL = 4, /* of an object in a record: its required members may be missing, report_build() adds them */
};

struct shape {
	const char *name;
	enum shape_type type;
	unsigned flags;
	int64_t low, high;
	size_t max;
	const struct shape *of;   /* the members, ended by one without a name; or the one item */
	const char *const *words; /* NULL-terminated */
};

/* What all records together may cost. An object of json-c takes some 800 bytes, however empty it is. */
struct shape_budget {
	size_t containers; /* objects and arrays that may still be made */
	size_t dropped;    /* members and items that were refused: counted for the warning */
};

/* A clean copy of `in`. 0 (with *ret NULL for a nullable null), -EBADMSG if it has not this shape, -ENOMEM. */
int shape_copy(const struct shape *shape, json_object *in, struct shape_budget *budget, json_object **ret);

/* Whether every member that the tables know has its type and every string in it is clean. Unknown words are fine: a
 * later version may have more. */
bool shape_matches(const struct shape *shape, json_object *value);
/* The same of a part: no member has to be there. */
bool shape_matches_some(const struct shape *shape, json_object *value);

extern const struct shape shape_report; /* the document */
extern const struct shape shape_crash, shape_process, shape_core, shape_host, shape_stack, shape_frame, shape_thread,
	shape_module, shape_memory, shape_finding, shape_fingerprint, shape_warning, shape_end,
	shape_missing, shape_analyzer; /* records, util/protocol.h */
