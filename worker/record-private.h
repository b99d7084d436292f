/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that write records share. */
#pragma once

#include "worker/record.h"

json_object *record_new(const char *kind);
void record_put(struct recorder *recorder, json_object *o);
void put_string(json_object *o, const char *key, const char *value); /* NULL: left out */
void put_integer(json_object *o, const char *key, int64_t value);
void put_size(json_object *o, const char *key, uint64_t value);
void put_address(json_object *o, const char *key, uint64_t value);
void put_null(json_object *o, const char *key);
struct line;
/* A record written directly: begins it in place of what the line held, and ends and writes it. */
void record_line_new(struct line *line, const char *kind);
void record_put_line(struct recorder *recorder, struct line *line);
void record_stacks(struct recorder *recorder, const struct core *core);
