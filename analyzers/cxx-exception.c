/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The exception in flight. The C++ runtime keeps a pointer to it in thread-local storage that cannot be resolved here,
 * but its own functions, which are on the stack, hold it too. What such a word points at is an exception only if the
 * header before the object says so: the class "GNUCC++\0" of libstdc++ or "CLNGC++\0" of libc++ (Itanium C++ ABI:
 * Exception Handling, 2.2.1), a type_info whose vtable and name are there, and a handler count that is sane.
 *
 * what() is code and cannot be run; for the exceptions of <stdexcept> and what derives from them it returns a string
 * that the object points at, for a few others it is a constant.
 */
#include <string.h>

#include "cxx.h"

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

#define CLASS_GNU UINT64_C(0x474e5543432b2b00)
#define CLASS_GNU_DEPENDENT UINT64_C(0x474e5543432b2b01) /* of a std::exception_ptr: the object lies elsewhere */
#define CLASS_CLANG UINT64_C(0x434c4e47432b2b00)
#define CLASS_CLANG_DEPENDENT UINT64_C(0x434c4e47432b2b01)

#define NAME_MAX_LENGTH 1024
#define WHAT_MAX 4000
/* Words of one frame that are tried. */
#define WORDS_MAX 512
/* Bases that are followed: more is a loop. */
#define DEPTH_MAX 16

struct layout {
	unsigned word;
	unsigned header; /* from the exception_class to the object */
	unsigned type;   /* from the exceptionType to the object */
};

static const struct layout layouts[] = { { 8, 32, 112 }, { 4, 32, 80 } };

static const struct layout *layout_of(const struct cw_core *core) {
	return core->word_bytes == 8 ? &layouts[0] : &layouts[1];
}

/* The exceptions of the standard library. Their type_infos can be told by address where memory of them is missing. */
static const struct standard {
	const char *mangled;
	bool shared;      /* comes from std::runtime_error or std::logic_error */
	const char *what; /* of the others: what() is this constant; or NULL */
} standards[] = {
	{ "St13runtime_error", true, NULL },
	{ "St11logic_error", true, NULL },
	{ "St12out_of_range", true, NULL },
	{ "St16invalid_argument", true, NULL },
	{ "St12length_error", true, NULL },
	{ "St12domain_error", true, NULL },
	{ "St11range_error", true, NULL },
	{ "St14overflow_error", true, NULL },
	{ "St15underflow_error", true, NULL },
	{ "St12system_error", true, NULL },
	{ "St12future_error", true, NULL },
	{ "St11regex_error", true, NULL },
	{ "NSt8ios_base7failureB5cxx11E", true, NULL },
	{ "NSt10filesystem7__cxx1116filesystem_errorE", true, NULL },
	{ "St9bad_alloc", false, "std::bad_alloc" },
	{ "St20bad_array_new_length", false, "std::bad_array_new_length" },
	{ "St8bad_cast", false, "std::bad_cast" },
	{ "St10bad_typeid", false, "std::bad_typeid" },
	{ "St17bad_function_call", false, "bad_function_call" },
	{ "St12bad_weak_ptr", false, "bad_weak_ptr" },
	{ "St19bad_optional_access", false, "bad optional access" },
	{ "St12bad_any_cast", false, "bad any_cast" },
	{ "St18bad_variant_access", false, NULL },
};

static const struct standard *standard_of_name(const char *mangled) {
	for (size_t i = 0; i < COUNT(standards); i++)
		if (strcmp(standards[i].mangled, mangled) == 0)
			return &standards[i];
	return NULL;
}

static const struct standard *standard_at(const struct cw_core *core, uint64_t type) {
	uint64_t address;

	for (size_t i = 0; i < COUNT(standards); i++)
		if (cw_find_symbol(core, NULL, cw_format(core, "_ZTI%s", standards[i].mangled), &address) >= 0 &&
		    address == type)
			return &standards[i];
	return NULL;
}

/* The type_info at an address: its vtable and name are in modules, and the name reads as one. */
static bool read_type(const struct cw_core *core, uint64_t address, const char **ret_name) {
	uint64_t vtable, name;
	const char *text;

	if (!cw_find_module(core, address))
		return false;
	if (cw_read_word(core, address, &vtable) < 0 || !cw_find_module(core, vtable) ||
	    cw_read_word(core, address + core->word_bytes, &name) < 0 || !cw_find_module(core, name) ||
	    (text = words_read_string(core, name, NAME_MAX_LENGTH)) == NULL) {
		const struct standard *standard = standard_at(core, address);

		if (standard)
			*ret_name = standard->mangled;
		return standard;
	}
	*ret_name = *text == '*' ? text + 1 : text; /* names that are compared by address */
	return true;
}

static bool try_object(const struct cw_core *core, uint64_t object, struct cxx_exception *e) {
	const struct layout *l = layout_of(core);
	uint64_t class_, type;

	if (object < l->type || object % (2 * l->word) != 0 ||
	    cw_read(core, object - l->header, &class_, sizeof(class_)) < 0)
		return false;
	if (cw_read_word(core, object - l->type, &type) < 0)
		return false;
	if (class_ == CLASS_GNU_DEPENDENT || class_ == CLASS_CLANG_DEPENDENT) {
		/* Instead of the type it has a pointer to the primary object. */
		object = type;
		if (object < l->type || cw_read(core, object - l->header, &class_, sizeof(class_)) < 0 ||
		    cw_read_word(core, object - l->type, &type) < 0)
			return false;
	}
	if (class_ != CLASS_GNU && class_ != CLASS_CLANG)
		return false;
	if (!read_type(core, type, &e->mangled))
		return false;
	e->object = object;
	e->type_info = type;
	return true;
}

/* A word may point at the object, at its unwind header, or at the start of its header. */
static bool try_word(const struct cw_core *core, uint64_t word, struct cxx_exception *e) {
	const struct layout *l = layout_of(core);

	return word > UINT64_C(65536) &&
	    (try_object(core, word, e) || try_object(core, word + l->header, e) || try_object(core, word + l->type, e));
}

/* The exceptions that a frame's words lead to: 0, 1, or 2 for more than one. */
static unsigned search_frame(const struct words_stack *stack, size_t frame, struct cxx_exception *found) {
	const struct cw_core *core = stack->core;
	struct cxx_exception e = {};
	uint64_t low, high, word;
	unsigned n = 0;

	if (!words_frame_bytes(stack, frame, &low, &high))
		return 0;
	for (uint64_t at = low, i = 0; at + core->word_bytes <= high && i < WORDS_MAX; at += core->word_bytes, i++) {
		if (cw_read_word(core, at, &word) < 0 || !try_word(core, word, &e) ||
		    (n > 0 && e.object == found->object))
			continue;
		if (n > 0)
			return 2;
		*found = e;
		n = 1;
	}
	return n;
}

/* Whether a type's vtable is the one of that kind of type_info. */
static bool is_kind(const struct cw_core *core, uint64_t type, const char *symbol) {
	uint64_t vtable, expected;

	/* A vtable pointer points behind the offset to top and the type_info. */
	return cw_read_word(core, type, &vtable) >= 0 && cw_find_symbol(core, NULL, symbol, &expected) >= 0 &&
	    vtable == expected + 2 * core->word_bytes;
}

/* Whether a type is, or by single inheritance comes from, one that keeps its text as std::runtime_error does; its base
 * is then at the object's start. */
static bool has_shared_string(const struct cw_core *core, uint64_t type) {
	static const char *const libcxx[] = { "NSt3__113runtime_errorE", "NSt3__111logic_errorE", NULL };
	const struct standard *standard;
	const char *name;

	for (unsigned i = 0; i < DEPTH_MAX && read_type(core, type, &name); i++) {
		standard = standard_of_name(name);
		if (standard || words_match(name, libcxx))
			return !standard || standard->shared;
		if (!is_kind(core, type, "_ZTVN10__cxxabiv120__si_class_type_infoE") ||
		    cw_read_word(core, type + 2 * core->word_bytes, &type) < 0)
			return false;
	}
	return false;
}

/* The string that a std::logic_error or std::runtime_error shares with its copies; its length and capacity lie before
 * it, in both libraries. */
static const char *read_shared_string(const struct cw_core *core, uint64_t object) {
	uint64_t text, length, capacity;
	unsigned word = core->word_bytes;

	if (cw_read_word(core, object + word, &text) < 0 || text < 3 * word ||
	    cw_read_word(core, text - 3 * word, &length) < 0 || cw_read_word(core, text - 2 * word, &capacity) < 0)
		return NULL;
	if (length > capacity || length >= WHAT_MAX)
		return NULL;
	return length == 0 ? "" : words_read_text(core, text, length);
}

/* A std::string of the C++11 ABI: pointer, length. */
static const char *read_string_object(const struct cw_core *core, uint64_t object) {
	uint64_t text, length;

	if (cw_read_word(core, object, &text) < 0 || cw_read_word(core, object + core->word_bytes, &length) < 0 ||
	    length >= WHAT_MAX)
		return NULL;
	return length == 0 ? "" : words_read_text(core, text, length);
}

static void find_what(const struct cw_core *core, struct cxx_exception *e) {
	const struct standard *standard = standard_of_name(e->mangled);
	bool pointer = strcmp(e->mangled, "PKc") == 0 || strcmp(e->mangled, "Pc") == 0;
	uint64_t text;
	int32_t number;

	if (standard && standard->what) {
		e->what = standard->what;
		e->what_source = "what() of that type is a constant";
	} else if (has_shared_string(core, e->type_info)) {
		e->what = read_shared_string(core, e->object);
		e->what_source = "the object's own string, which what() returns unless it is overridden";
	} else if (pointer || strcmp(e->mangled, "St18bad_variant_access") == 0) {
		if (cw_read_word(core, e->object + (pointer ? 0 : core->word_bytes), &text) >= 0)
			e->what = words_read_string(core, text, WHAT_MAX);
		e->what_source = "the string that the object points at";
	} else if (strcmp(e->mangled, "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE") == 0) {
		e->what = read_string_object(core, e->object);
		e->what_source = "the thrown string itself";
	} else if (strcmp(e->mangled, "i") == 0 && cw_read(core, e->object, &number, sizeof(number)) >= 0) {
		e->what = cw_format(core, "%d", number);
		e->what_source = "the thrown number itself";
	}
}

/* Templates and the like: the type's destructor, which the header names, has a symbol that the host can demangle. */
static const char *name_by_destructor(const struct cw_core *core, const struct cxx_exception *e) {
	const struct layout *l = layout_of(core);
	const struct cw_symbol *symbol;
	const char *tilde;
	uint64_t destructor;

	if (cw_read_word(core, e->object - l->type + l->word, &destructor) < 0 || destructor == 0)
		return NULL;
	symbol = cw_symbolize(core, destructor, true);
	tilde =
	    symbol && symbol->start == destructor && symbol->at.function ? strstr(symbol->at.function, "::~") : NULL;
	return tilde ? cw_format(core, "%.*s", (int)(tilde - symbol->at.function), symbol->at.function) : NULL;
}

bool cxx_find_exception(const struct words_stack *stack, size_t first, size_t last, struct cxx_exception *ret) {
	const struct cw_core *core = stack->core;
	struct cxx_exception e = {}, other = {};
	unsigned n = 0;

	/* The frames nearest to the throw first: each holds the exception that it is about. */
	for (size_t i = last + 1; i-- > first && n == 0;) {
		n = search_frame(stack, i, &other);
		if (n == 1)
			e = other;
		if (n > 1)
			return false;
	}
	if (n == 0)
		return false;
	e.type = cxx_type_name(core, e.mangled);
	if (e.type && (strcmp(e.type, e.mangled) == 0 || strstr(e.type, "<…>")) && name_by_destructor(core, &e))
		e.type = name_by_destructor(core, &e);
	find_what(core, &e);
	*ret = e;
	return true;
}
