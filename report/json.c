/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See json.h. */
#include "report/json.h"

#include <inttypes.h>
#include <time.h>

#include "report/report.h"
#include "util/text.h"

/* A member's name in a path of json_get(): the longest of the schema has 22 letters. */
#define NAME_MAX_BYTES 48

int json_add(json_object *object, const char *key, json_object *value) {
	if (!value)
		return -ENOMEM;
	if (json_object_object_add(object, key, value) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

int json_append(json_object *array, json_object *value) {
	if (!value)
		return -ENOMEM;
	if (json_object_array_add(array, value) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

int json_add_null(json_object *object, const char *key) {
	return json_object_object_add(object, key, NULL) < 0 ? -ENOMEM : 0;
}

void json_drop(json_object *object, const char *key) {
	if (json_object_is_type(object, json_type_object))
		json_object_object_del(object, key);
}

json_object *json_new_clean_string(const char *s, size_t length, size_t max) {
	_cleanup_free_ char *clean = NULL;

	/* One more than max, so that text_ellipsize() sees that something is missing. A character's remains become
	 * U+FFFD and are cut off with it. */
	clean = text_clean_dup(s, MIN(length, max + 4));
	if (!clean)
		return NULL;
	text_ellipsize(clean, max);
	return json_object_new_string(clean);
}

int json_add_string(json_object *object, const char *key, const char *s, size_t max) {
	if (!s || !*s)
		return 0;
	return json_add(object, key, json_new_clean_string(s, strlen(s), max));
}

int json_add_integer(json_object *object, const char *key, int64_t value) {
	return json_add(object, key, json_object_new_int64(value));
}

int json_add_time(json_object *object, const char *key, uint64_t usec) {
	static const uint64_t last = UINT64_C(253402300799);
	char day[40], text[64];
	time_t seconds;
	struct tm tm;

	if (usec / USEC_PER_SEC > last)
		usec = 0;
	seconds = (time_t)(usec / USEC_PER_SEC);
	gmtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	if (usec % USEC_PER_SEC == 0)
		snprintf(text, sizeof(text), "%sZ", day);
	else
		snprintf(text, sizeof(text), "%s.%06" PRIu64 "Z", day, usec % USEC_PER_SEC);
	return json_add(object, key, json_object_new_string(text));
}

json_object *json_get(json_object *object, const char *path) {
	while (object) {
		size_t n = strcspn(path, ".");
		char name[NAME_MAX_BYTES];

		if (n >= sizeof(name) || !json_object_is_type(object, json_type_object))
			return NULL;
		memcpy(name, path, n);
		name[n] = 0;
		if (!json_object_object_get_ex(object, name, &object))
			return NULL;
		if (!path[n])
			return object;
		path += n + 1;
	}
	return NULL;
}

static json_object *get_typed(json_object *object, const char *path, enum json_type type) {
	json_object *value = json_get(object, path);

	return value && json_object_is_type(value, type) ? value : NULL;
}

json_object *json_get_object(json_object *object, const char *path) {
	return get_typed(object, path, json_type_object);
}

json_object *json_get_array(json_object *object, const char *path) {
	return get_typed(object, path, json_type_array);
}

const char *json_get_string(json_object *object, const char *path) {
	json_object *value = get_typed(object, path, json_type_string);

	return value && json_object_get_string_len(value) > 0 ? json_object_get_string(value) : NULL;
}

bool json_get_integer(json_object *object, const char *path, int64_t *ret_value) {
	json_object *value = get_typed(object, path, json_type_int);

	if (!value)
		return false;
	*ret_value = json_object_get_int64(value);
	return true;
}

bool json_get_true(json_object *object, const char *path) {
	json_object *value = get_typed(object, path, json_type_boolean);

	return value && json_object_get_boolean(value);
}

size_t json_get_count(json_object *object, const char *path) {
	json_object *array = json_get_array(object, path);

	return array ? json_object_array_length(array) : 0;
}

json_object *json_copy(json_object *object) {
	json_object *copy = NULL;

	if (json_object_deep_copy(object, &copy, NULL) < 0)
		return NULL;
	return copy;
}

/*
 * json-c does not look whether its buffer could grow, and gives half a document; malloc() has set errno then, and
 * nothing on the way resets it.
 */
static const char *to_text(json_object *object, int flags, size_t *ret_length) {
	const char *s;

	errno = 0;
	s = json_object_to_json_string_length(object, flags, ret_length);
	return errno == ENOMEM ? NULL : s;
}

size_t json_size(json_object *object) {
	size_t n = 0;

	/* Without memory there is nothing to measure: "too long" makes callers drop more, which is the safe side. */
	return to_text(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n) ? n : SIZE_MAX;
}

int json_get_text(json_object *object, const char *path, const char **ret_text) {
	json_object *value = json_get(object, path);
	size_t n;

	*ret_text = NULL;
	if (!value)
		return 0;
	*ret_text = json_object_is_type(value, json_type_string) ? json_object_get_string(value)
								 : to_text(value, JSON_C_TO_STRING_SPACED, &n);
	return *ret_text ? 0 : -ENOMEM;
}

const char *report_to_json(json_object *report, bool pretty, size_t *ret_length) {
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
	            (pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN);
	size_t n = 0;
	const char *s = to_text(report, flags, &n);

	if (s && ret_length)
		*ret_length = n;
	return s;
}

/* Values are what ',' '[' '{' outside of strings begin. */
static bool too_many_values(const char *s, size_t length, size_t max) {
	size_t values = 0;
	bool string = false;

	for (size_t i = 0; i < length; i++) {
		if (string && s[i] == '\\')
			i++;
		else if (s[i] == '"')
			string = !string;
		else if (!string && (s[i] == ',' || s[i] == '[' || s[i] == '{'))
			values++;
	}
	return values > max;
}

/*
 * json-c up to 0.16 has no error for a lack of memory: it gives NULL and success, or goes on with what it has, which
 * errno tells of unless a number follows. So that `null` is not taken for that, only what begins as an object is given
 * to it.
 */
int json_parse(const char *text, size_t length, int depth, size_t values_max, json_object **ret) {
	json_tokener *tokener;
	json_object *value;
	enum json_tokener_error error;
	size_t blanks = 0;
	bool lacks_memory;

	while (blanks < length && strchr(" \t\r\n", text[blanks]))
		blanks++;
	if (blanks == length || text[blanks] != '{')
		return -EBADMSG;
	if (length > INT32_MAX || memchr(text, 0, length) || too_many_values(text, length, values_max))
		return -EBADMSG;
	tokener = json_tokener_new_ex(depth);
	if (!tokener)
		return -ENOMEM;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	errno = 0;
	value = json_tokener_parse_ex(tokener, text, (int)length);
	error = json_tokener_get_error(tokener);
	lacks_memory = errno == ENOMEM || (error == json_tokener_success && !value);
	json_tokener_free(tokener);
	if (lacks_memory) {
		json_object_put(value);
		return -ENOMEM;
	}
	if (error != json_tokener_success || !json_object_is_type(value, json_type_object)) {
		json_object_put(value);
		return -EBADMSG;
	}
	*ret = value;
	return 0;
}
