/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of report/shapes.c against conf/corewatch-report-1.schema.json: the same members, types, words and
 * requirements, in both directions. */
#include "report-help.h"

#include "report/shape.h"

static json_object *schema;

/* Follows $ref, and takes the one that is not null of an anyOf. */
static json_object *resolve(json_object *node, bool *ret_nullable) {
	json_object *any = json_get_array(node, "anyOf");
	const char *reference;

	*ret_nullable = any != NULL;
	for (size_t i = 0; any && i < json_object_array_length(any); i++) {
		json_object *option = json_object_array_get_idx(any, i);
		const char *type = json_get_string(option, "type");

		if (!type || !streq(type, "null"))
			node = option;
	}
	reference = json_get_string(node, "$ref");
	if (!reference)
		return node;
	assert_true(str_has_prefix(reference, "#/$defs/"));
	return json_get_object(json_get_object(schema, "$defs"), reference + strlen("#/$defs/"));
}

static bool is_required(json_object *node, const char *name) {
	json_object *list = json_get_array(node, "required");

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (streq(json_object_get_string(json_object_array_get_idx(list, i)), name))
			return true;
	return false;
}

static void compare(const struct shape *shape, json_object *node, const char *path);

static void compare_members(const struct shape *shape, json_object *node, const char *path) {
	json_object *properties = json_get_object(node, "properties");

	assert_non_null(properties);
	for (const struct shape *m = shape->of; m->name; m++) {
		json_object *member = json_get_object(properties, m->name);
		_cleanup_free_ char *name = NULL;
		bool nullable;

		assert_true(asprintf(&name, "%s.%s", path, m->name) > 0);
		if (!member)
			fail_msg("%s is not in the schema", name);
		if (is_required(node, m->name) != ((m->flags & SHAPE_REQUIRED) != 0))
			fail_msg("%s: required in one place only", name);
		member = resolve(member, &nullable);
		if (nullable != ((m->flags & SHAPE_NULLABLE) != 0))
			fail_msg("%s: may be null in one place only", name);
		compare(m, member, name);
	}
	json_object_object_foreach(properties, key, unused) {
		bool known = false;

		(void)unused;
		for (const struct shape *m = shape->of; m->name; m++)
			known = known || streq(m->name, key);
		if (!known)
			fail_msg("%s.%s is in the schema only", path, key);
	}
}

static void compare_words(const struct shape *shape, json_object *node, const char *path) {
	json_object *words = json_get_array(node, "enum");
	size_t n = 0;

	if (json_get_string(node, "const")) {
		assert_string_equal(shape->words[0], json_get_string(node, "const"));
		return;
	}
	if (!words)
		fail_msg("%s: no words in the schema", path);
	for (; shape->words[n]; n++)
		assert_string_equal(shape->words[n], json_object_get_string(json_object_array_get_idx(words, n)));
	assert_int_equal(n, json_object_array_length(words));
}

static void compare(const struct shape *shape, json_object *node, const char *path) {
	static const struct {
		const char *type, *pattern;
	} expected[] = {
		[SHAPE_STRING] = { "string", NULL },
		[SHAPE_KEBAB] = { "string", "^[a-z0-9]+(-[a-z0-9]+)*$" },
		[SHAPE_HEX] = { "string", "^[0-9a-f]{2,64}$" },
		[SHAPE_ADDRESS] = { "string", "^0x[0-9a-f]{1,16}$" },
		[SHAPE_SIGNAL] = { "string", "^SIG" },
		[SHAPE_INTEGER] = { "integer", NULL },
		[SHAPE_NUMBER] = { "number", NULL },
		[SHAPE_BOOLEAN] = { "boolean", NULL },
		[SHAPE_OBJECT] = { "object", NULL },
		[SHAPE_ARRAY] = { "array", NULL },
		[SHAPE_REGISTERS] = { "object", NULL },
		[SHAPE_FACTS] = { "object", NULL },
	};
	const char *pattern = json_get_string(node, "pattern");
	int64_t minimum, longest;
	bool nullable;

	if (shape->type == SHAPE_WORD) {
		compare_words(shape, node, path);
		return;
	}
	if (!streq(json_get_string(node, "type") ?: "", expected[shape->type].type))
		fail_msg("%s: another type in the schema", path);
	if (expected[shape->type].pattern && !streq(pattern ?: "", expected[shape->type].pattern))
		fail_msg("%s: another pattern in the schema", path);
	if (shape->type == SHAPE_INTEGER && json_get_integer(node, "minimum", &minimum) && shape->low < minimum)
		fail_msg("%s: the schema's minimum is higher", path);
	if (json_get_integer(node, "maxLength", &longest) && shape->max > (size_t)longest)
		fail_msg("%s: longer than the schema allows", path);
	if (shape->type == SHAPE_OBJECT)
		compare_members(shape, node, path);
	if (shape->type == SHAPE_ARRAY)
		compare(shape->of, resolve(json_get_object(node, "items"), &nullable), path);
}

static void test_tables_are_the_schema(void **state _unused_) {
	_cleanup_free_ char *text = read_source("conf/corewatch-report-1.schema.json");

	schema = json_tokener_parse(text);
	assert_non_null(schema);
	/* Two exceptions, by intent: report_id and times have a form that only report_build() writes; they are text in
	 * the tables. */
	json_object_object_del(json_get_object(schema, "properties.report_id"), "pattern");
	/* "supports" is never in a verdict. */
	json_object_object_add(json_get_object(schema, "properties.verdict.properties"), "supports",
	                       json_tokener_parse("{\"type\":\"boolean\"}"));
	/* A count of 0 would be an error of ours, not of the worker. */
	json_object_object_del(json_get_object(schema, "properties.fingerprint.properties.seen"), "minimum");
	compare(&shape_report, schema, "report");
	json_object_put(schema);
}

int main(void) {
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_tables_are_the_schema) };

	return cmocka_run_group_tests_name("report-shape", tests, NULL, NULL);
}
