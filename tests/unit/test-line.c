/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* worker/line: what it writes is what json-c reads back, whatever the strings hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <json-c/json.h>

#include "worker/line.h"

static json_object *parse(const struct line *l) {
	json_tokener *t = json_tokener_new();
	json_object *o = json_tokener_parse_ex(t, l->bytes, (int)l->n);

	assert_int_equal(json_tokener_get_error(t), json_tokener_success);
	json_tokener_free(t);
	return o;
}

static void test_shape(void **state) {
	_cleanup_line_ struct line l = { .bytes = NULL }, part = { .bytes = NULL };

	(void)state;
	line_string(&part, "p", "q");
	line_integer(&part, "n", INT64_MIN);
	line_open(&l, NULL, '{');
	line_string(&l, "left out", NULL);
	line_members(&l, part.bytes, part.n);
	line_members(&l, part.bytes + 8, part.n - 8); /* as from the middle: with the comma */
	line_size(&l, "large", UINT64_MAX);
	line_address(&l, "a", 0);
	line_address(&l, "b", UINT64_MAX);
	line_boolean(&l, "t", true);
	line_open(&l, "list", '[');
	line_boolean(&l, NULL, false);
	line_null(&l, NULL);
	line_open(&l, NULL, '{');
	line_close(&l, '}');
	line_integer(&l, NULL, 0);
	line_close(&l, ']');
	line_close(&l, '}');
	assert_false(l.failed);
	assert_int_equal(l.n, strlen("{\"p\":\"q\",\"n\":-9223372036854775808,\"n\":-9223372036854775808,\"large\":9007199254740992,"
				     "\"a\":\"0x0\",\"b\":\"0xffffffffffffffff\",\"t\":true,\"list\":[false,null,{},0]}"));
	assert_memory_equal(l.bytes, "{\"p\":\"q\",\"n\":-9223372036854775808,\"n\":-9223372036854775808,\"large\":9007199254740992,"
				     "\"a\":\"0x0\",\"b\":\"0xffffffffffffffff\",\"t\":true,\"list\":[false,null,{},0]}", l.n);
}

/* Every byte, at every place within eight, alone and beside others that must be escaped. */
static void test_strings(void **state) {
	char text[40];

	(void)state;
	for (unsigned c = 1; c < 0x80; c++)
		for (size_t at = 0; at < 20; at++) {
			_cleanup_line_ struct line l = { .bytes = NULL };
			json_object *o;

			memset(text, 'x', sizeof(text));
			memcpy(text + 24, "\xc3\xa9", 2); /* é */
			text[at] = (char)c;
			text[at + 1] = at % 2 ? '"' : 'y';
			text[30 + at % 3] = 0;
			line_open(&l, NULL, '[');
			line_string(&l, NULL, text);
			line_close(&l, ']');
			o = parse(&l);
			assert_string_equal(json_object_get_string(json_object_array_get_idx(o, 0)), text);
			json_object_put(o);
		}
}

int main(void) {
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_shape), cmocka_unit_test(test_strings) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
