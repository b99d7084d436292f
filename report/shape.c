/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See shape.h. Recursion is bounded: by the tables, and in facts by FACTS_DEPTH; the input's own depth by the parser.
 */
#include "report/shape.h"

#include <math.h>

#include "report/json.h"
#include "util/text.h"

/* Facts are free-form, so each dimension needs its own limit: the largest seen in earnest has 14 members of depth 2. */
#define FACTS_DEPTH 4
#define FACTS_MEMBERS 48
#define FACTS_STRING 1024
#define FACT_NAME_MAX 64
/* x86-64 with segments has 27, aarch64 with the SVE state's scalars 38. */
#define REGISTERS_MAX 128
/* Above 2^53 JSON readers lose bits. */
#define INTEGER_MAX (INT64_C(1) << 53)

static bool all_of(const char *s, size_t n, const char *set) {
	return strspn(s, set) == n;
}

static bool is_kebab(const char *s, size_t n) {
	return n > 0 && n <= 64 && all_of(s, n, "abcdefghijklmnopqrstuvwxyz0123456789-") && s[0] != '-' &&
	       s[n - 1] != '-' && !strstr(s, "--");
}

static bool is_address(const char *s, size_t n) {
	return n >= 3 && n <= 18 && str_has_prefix(s, "0x") && all_of(s + 2, n - 2, "0123456789abcdef");
}

static bool is_word(const char *s, const char *const *words) {
	for (; *words; words++)
		if (streq(s, *words))
			return true;
	return false;
}

/* The patterns; s is terminated, and without NUL inside as strlen(s) == n. */
static bool string_fits(const struct shape *shape, const char *s, size_t n) {
	switch (shape->type) {
	case SHAPE_WORD:
		return is_word(s, shape->words);
	case SHAPE_KEBAB:
		return is_kebab(s, n);
	case SHAPE_HEX:
		return n >= 2 && n <= 64 && all_of(s, n, "0123456789abcdef");
	case SHAPE_ADDRESS:
		return is_address(s, n);
	case SHAPE_SIGNAL:
		return n > 3 && n <= 16 && str_has_prefix(s, "SIG") &&
		       all_of(s, n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-");
	default:
		return true;
	}
}

static int copy_string(const struct shape *shape, json_object *in, json_object **ret) {
	const char *s = json_object_get_string(in);
	size_t n = (size_t)json_object_get_string_len(in);
	_cleanup_free_ char *prose = NULL;
	json_object *copy;

	if (shape->type != SHAPE_STRING && (strlen(s) != n || !string_fits(shape, s, n)))
		return -EBADMSG;
	prose = shape->flags & SHAPE_PROSE ? strndup(s, n) : NULL;
	for (char *p = prose; p && *p; p++)
		*p = *p == '\n' || *p == '\t' ? ' ' : *p;
	copy = json_new_clean_string(prose ? prose : s, prose ? strlen(prose) : n, shape->max ? shape->max : 64);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

static int copy_integer(int64_t low, int64_t high, json_object *in, json_object **ret) {
	int64_t v = json_object_get_int64(in);

	/*
	 * json-c keeps what lies above INT64_MAX as unsigned, and saturates beyond: both end up at the limit, and out.
	 */
	if (v < low || v > high)
		return -EBADMSG;
	*ret = json_object_new_int64(v);
	return *ret ? 0 : -ENOMEM;
}

static int copy_number(json_object *in, bool negative, json_object **ret) {
	double v = json_object_get_double(in);
	char text[32];

	if (!isfinite(v) || (v < 0 && !negative))
		return -EBADMSG;
	/* Seven digits more than anybody measures; json-c's own 17 turn 0.1 into 0.10000000000000001. */
	snprintf(text, sizeof(text), "%.9g", v);
	*ret = json_object_new_double_s(v, text);
	return *ret ? 0 : -ENOMEM;
}

static int new_container(struct shape_budget *budget, bool array, json_object **ret) {
	if (budget->containers == 0)
		return -EBADMSG;
	budget->containers--;
	*ret = array ? json_object_new_array() : json_object_new_object();
	return *ret ? 0 : -ENOMEM;
}

static int copy_object(const struct shape *shape, json_object *in, struct shape_budget *budget, json_object **ret) {
	_cleanup_json_ json_object *copy = NULL;
	int r = new_container(budget, false, &copy);

	if (r < 0)
		return r;
	for (const struct shape *m = shape->of; m->name; m++) {
		json_object *value, *clean = NULL;

		if (!json_object_object_get_ex(in, m->name, &value)) {
			if ((m->flags & SHAPE_REQUIRED) && !(shape->flags & SHAPE_PARTIAL))
				return -EBADMSG;
			continue;
		}
		r = shape_copy(m, value, budget, &clean);
		if (r == -EBADMSG && (!(m->flags & SHAPE_REQUIRED) || (shape->flags & SHAPE_PARTIAL))) {
			budget->dropped++;
			continue;
		}
		if (r < 0)
			return r;
		r = clean ? json_add(copy, m->name, clean) : json_add_null(copy, m->name);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(copy);
	return 0;
}

static int copy_array(const struct shape *shape, json_object *in, struct shape_budget *budget, json_object **ret) {
	_cleanup_json_ json_object *copy = NULL;
	size_t n = json_object_array_length(in);
	int r = new_container(budget, true, &copy);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		json_object *clean = NULL;

		if (json_object_array_length(copy) >= shape->max) {
			budget->dropped += n - i;
			break;
		}
		r = shape_copy(shape->of, json_object_array_get_idx(in, i), budget, &clean);
		if (r == -EBADMSG) {
			budget->dropped++;
			continue;
		}
		if (r >= 0)
			r = json_append(copy, clean);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(copy);
	return 0;
}

static bool is_name(const char *s) {
	size_t n = strlen(s);

	return n > 0 && n <= FACT_NAME_MAX &&
	       all_of(s, n, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
}

static int copy_registers(json_object *in, struct shape_budget *budget, json_object **ret) {
	static const struct shape address = { .type = SHAPE_ADDRESS };
	_cleanup_json_ json_object *copy = NULL;
	int r = new_container(budget, false, &copy);

	if (r < 0)
		return r;
	json_object_object_foreach(in, key, value) {
		json_object *clean = NULL;

		r = is_name(key) && json_object_object_length(copy) < REGISTERS_MAX
		            ? shape_copy(&address, value, budget, &clean)
		            : -EBADMSG;
		if (r == -EBADMSG) {
			budget->dropped++;
			continue;
		}
		if (r >= 0)
			r = json_add(copy, key, clean);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(copy);
	return 0;
}

static int copy_facts(json_object *in, unsigned depth, struct shape_budget *budget, json_object **ret);

static int copy_fact_members(json_object *in, unsigned depth, struct shape_budget *budget, json_object *copy) {
	json_object_object_foreach(in, key, value) {
		json_object *clean = NULL;
		bool room = is_name(key) && json_object_object_length(copy) < FACTS_MEMBERS;
		int r = room ? copy_facts(value, depth + 1, budget, &clean) : -EBADMSG;

		if (r == -EBADMSG) {
			budget->dropped++;
			continue;
		}
		if (r >= 0)
			r = clean ? json_add(copy, key, clean) : json_add_null(copy, key);
		if (r < 0)
			return r;
	}
	return 0;
}

static int copy_fact_items(json_object *in, unsigned depth, struct shape_budget *budget, json_object *copy) {
	for (size_t i = 0; i < json_object_array_length(in); i++) {
		json_object *clean = NULL;
		int r = i < FACTS_MEMBERS ? copy_facts(json_object_array_get_idx(in, i), depth + 1, budget, &clean)
		                          : -EBADMSG;

		if (r == -EBADMSG || (r >= 0 && !clean)) {
			budget->dropped++;
			continue;
		}
		if (r >= 0)
			r = json_append(copy, clean);
		if (r < 0)
			return r;
	}
	return 0;
}

static int copy_facts(json_object *in, unsigned depth, struct shape_budget *budget, json_object **ret) {
	static const struct shape string = { .type = SHAPE_STRING, .max = FACTS_STRING };
	enum json_type type = json_object_get_type(in);
	_cleanup_json_ json_object *copy = NULL;
	int r;

	*ret = NULL;
	switch (type) {
	case json_type_null:
		return 0;
	case json_type_string:
		return copy_string(&string, in, ret);
	case json_type_int:
		return copy_integer(-INTEGER_MAX, INTEGER_MAX, in, ret);
	case json_type_double:
		return copy_number(in, true, ret);
	case json_type_boolean:
		*ret = json_object_new_boolean(json_object_get_boolean(in));
		return *ret ? 0 : -ENOMEM;
	default:
		break;
	}
	if (depth >= FACTS_DEPTH)
		return -EBADMSG;
	r = new_container(budget, type == json_type_array, &copy);
	if (r >= 0)
		r = type == json_type_array ? copy_fact_items(in, depth, budget, copy)
		                            : copy_fact_members(in, depth, budget, copy);
	if (r < 0)
		return r;
	*ret = take_ptr(copy);
	return 0;
}

/* The type that JSON must have for each of ours. */
static bool type_fits(const struct shape *shape, json_object *in) {
	static const enum json_type types[] = {
		[SHAPE_STRING] = json_type_string,   [SHAPE_WORD] = json_type_string,
		[SHAPE_KEBAB] = json_type_string,    [SHAPE_HEX] = json_type_string,
		[SHAPE_ADDRESS] = json_type_string,  [SHAPE_SIGNAL] = json_type_string,
		[SHAPE_INTEGER] = json_type_int,     [SHAPE_NUMBER] = json_type_double,
		[SHAPE_BOOLEAN] = json_type_boolean, [SHAPE_OBJECT] = json_type_object,
		[SHAPE_ARRAY] = json_type_array,     [SHAPE_REGISTERS] = json_type_object,
		[SHAPE_FACTS] = json_type_object,
	};

	return json_object_is_type(in, types[shape->type]) ||
	       (shape->type == SHAPE_NUMBER && json_object_is_type(in, json_type_int));
}

int shape_copy(const struct shape *shape, json_object *in, struct shape_budget *budget, json_object **ret) {
	if (!in && (shape->flags & SHAPE_NULLABLE)) {
		*ret = NULL;
		return 0;
	}
	if (!in || !type_fits(shape, in))
		return -EBADMSG;
	switch (shape->type) {
	case SHAPE_INTEGER:
		return copy_integer(shape->low, shape->high ? shape->high : INTEGER_MAX, in, ret);
	case SHAPE_NUMBER:
		return copy_number(in, false, ret);
	case SHAPE_BOOLEAN:
		*ret = json_object_new_boolean(json_object_get_boolean(in));
		return *ret ? 0 : -ENOMEM;
	case SHAPE_OBJECT:
		return copy_object(shape, in, budget, ret);
	case SHAPE_ARRAY:
		return copy_array(shape, in, budget, ret);
	case SHAPE_REGISTERS:
		return copy_registers(in, budget, ret);
	case SHAPE_FACTS:
		return copy_facts(in, 0, budget, ret);
	default:
		return copy_string(shape, in, ret);
	}
}

static bool is_clean(json_object *string) {
	const char *s = json_object_get_string(string);
	size_t n = (size_t)json_object_get_string_len(string);
	_cleanup_free_ char *clean = text_clean_dup(s, n);

	return clean && strlen(clean) == n && memcmp(clean, s, n) == 0;
}

/* Also what the tables do not know: it is printed as JSON, and json-c escapes neither DEL nor C1. */
static bool all_clean(json_object *value) {
	switch (json_object_get_type(value)) {
	case json_type_string:
		return is_clean(value);
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (!all_clean(json_object_array_get_idx(value, i)))
				return false;
		return true;
	case json_type_object: {
		json_object_object_foreach(value, key, member) {
			_cleanup_free_ char *clean = text_clean_dup(key, strlen(key));
			if (!clean || !streq(clean, key) || !all_clean(member))
				return false;
		}
		return true;
	}
	case json_type_double:
		return isfinite(json_object_get_double(value));
	default:
		return true;
	}
}

/* whole: required members have to be there. */
static bool types_match(const struct shape *shape, json_object *value, bool whole) {
	if (!value)
		return shape->flags & SHAPE_NULLABLE;
	if (!type_fits(shape, value))
		return false;
	if (shape->type == SHAPE_ARRAY)
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (!types_match(shape->of, json_object_array_get_idx(value, i), whole))
				return false;
	if (shape->type == SHAPE_OBJECT)
		for (const struct shape *m = shape->of; m->name; m++) {
			json_object *member;
			bool there = json_object_object_get_ex(value, m->name, &member);

			if (there ? !types_match(m, member, whole) : whole && (m->flags & SHAPE_REQUIRED) != 0)
				return false;
		}
	if (shape->type == SHAPE_ADDRESS || shape->type == SHAPE_HEX || shape->type == SHAPE_KEBAB)
		return string_fits(shape, json_object_get_string(value), (size_t)json_object_get_string_len(value));
	return true;
}

bool shape_matches(const struct shape *shape, json_object *value) {
	return types_match(shape, value, true) && all_clean(value);
}

bool shape_matches_some(const struct shape *shape, json_object *value) {
	return types_match(shape, value, false) && all_clean(value);
}
