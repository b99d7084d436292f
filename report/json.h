/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json-c in the manner of this house: scope guards, additions that cannot lose an object or turn a lack of memory into
 * `null`, and reads that check types, so that the rest of report/ can ask for "crash.signal.name" of any document
 * without a crash of its own. Ownership: json_add…() take the value in every case, json_get…() borrow.
 */
#pragma once

#include <json-c/json.h>

#include "util/macro.h"

static inline void json_putp(json_object **object) {
	if (*object)
		json_object_put(*object);
}
#define _cleanup_json_ _cleanup_(json_putp)

/* Adds value under key, or at the end of an array; NULL counts as "no memory". 0 or -ENOMEM; value is consumed either
 * way. */
int json_add(json_object *object, const char *key, json_object *value);
int json_append(json_object *array, json_object *value);
int json_add_null(json_object *object, const char *key);
/* Strings are cleaned (util/text.h) and cut to max bytes. NULL and "" add nothing. */
int json_add_string(json_object *object, const char *key, const char *s, size_t max);
int json_add_integer(json_object *object, const char *key, int64_t value);
/* RFC 3339 in UTC, with as many digits of a second as it takes. The year 9999 is the last that RFC 3339 can write;
 * later ones become 1970. */
int json_add_time(json_object *object, const char *key, uint64_t usec);
/* Removes a member; none, or no object at all, is fine (json-c would abort). */
void json_drop(json_object *object, const char *key);
json_object *json_new_clean_string(const char *s, size_t length, size_t max);

/* path: member names joined by dots. NULL (or false) if there is no such member or it has another type. */
json_object *json_get(json_object *object, const char *path);
json_object *json_get_object(json_object *object, const char *path);
json_object *json_get_array(json_object *object, const char *path);
const char *json_get_string(json_object *object, const char *path); /* never "" */
bool json_get_integer(json_object *object, const char *path, int64_t *ret_value);
bool json_get_true(json_object *object, const char *path);
/*
 * A member of any type as text: a string itself, else compact JSON with blanks; NULL if there is none. Belongs to the
 * object and lives until it changes. 0 or -ENOMEM.
 */
int json_get_text(json_object *object, const char *path, const char **ret_text);
/* Items of an array member, 0 without one. */
size_t json_get_count(json_object *object, const char *path);

/* A copy that shares nothing. NULL without memory. */
json_object *json_copy(json_object *object);
size_t json_size(json_object *object);

/* Parses one object, the whole text, with limits on depth and on the number of values: an empty array is two bytes here
 * and 370 in json-c. 0, -EBADMSG, -ENOMEM. */
int json_parse(const char *text, size_t length, int depth, size_t values_max, json_object **ret);
