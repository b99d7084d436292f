/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cxx-exception: how a C++ program came to std::terminate(). The frames tell: behind it stands the throw that found no
 * handler, the unwinder that ran into a noexcept function, a std::thread that was destroyed while it ran, or a call by
 * hand; __cxa_pure_virtual() stands for itself. The exception's type and text are read from the object
 * (cxx-exception.c).
 */
#include "cxx.h"

#include <string.h>

/* The runtime's own name for it is local: where symbols are missing, the functions that call it stand for it. */
static const char *const terminate_names[] = { "std::terminate*", "__cxxabiv1::__terminate*", "std::__terminate*",
	"demangling_terminate_handler*", "__gnu_cxx::__verbose_terminate_handler*", "__gxx_personality*",
	"__cxa_call_terminate*", "__clang_call_terminate*", NULL };
static const char *const throw_names[] = { "__cxa_throw", "__cxa_rethrow", "std::rethrow_exception*",
	"__cxa_rethrow_primary_exception", NULL };
static const char *const noexcept_names[] = { "__cxa_call_terminate*", "__gxx_personality*", "__clang_call_terminate*",
	"_Unwind_*", "__cxa_call_unexpected*", NULL };
static const char *const rethrow_names[] = { "__cxa_rethrow", NULL };
static const char *const resume_names[] = { "_Unwind_Resume", NULL };
static const char *const pure_names[] = { "__cxa_pure_virtual", "__cxa_deleted_virtual", NULL };
static const char *const thread_names[] = { "std::thread::~thread*", "std::thread::operator=*", NULL };

struct terminated {
	struct words_stack stack;
	size_t terminate; /* outermost frame of std::terminate() */
	size_t thrower;   /* __cxa_throw(), or stack.n */
	bool resumed;     /* the exception had left the place already, whose cleanup ran last */
	bool noexcept_;   /* between them a function that must not throw was met */
	bool has_exception, placed, rethrown;
	struct cxx_exception exception;
	struct words_place place;
};

static const char *function_of(const struct terminated *t, size_t frame) {
	return words_bare(t->stack.core, words_function(t->stack.frames[frame]));
}

static void suggest_for_type(const struct terminated *t, struct cw_finding *f) {
	static const struct {
		const char *type, *id, *advice;
	} table[] = {
		{ "std::bad_alloc", "check-size",
		    "asked for more memory than there is or than can be addressed: look at the size that it computed" },
		{ "std::bad_array_new_length", "check-size",
		    "asked for an array of a negative or too large length: look at how it computed the length" },
		{ "std::out_of_range", "check-index",
		    "used an index or key that is not there: compare with size(), or look it up with find()" },
		{ "std::bad_optional_access", "check-optional",
		    "called value() of an empty std::optional: test it first, or use value_or()" },
		{ "std::bad_variant_access", "check-variant",
		    "read another alternative of a std::variant than it holds: use std::get_if or std::visit" },
		{ "std::bad_function_call", "check-function", "called an empty std::function: test it first" },
		{ "std::bad_weak_ptr", "check-ownership",
		    "used shared_from_this() or a weak_ptr of an object that no shared_ptr owns" },
		{ "std::bad_any_cast", "check-any",
		    "cast a std::any to another type than it holds: use the pointer form of std::any_cast and test it" },
	};
	const char *function = t->placed && t->place.function ? t->place.function : "the function";

	for (size_t i = 0; t->has_exception && t->exception.type && i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(t->exception.type, table[i].type) == 0)
			cw_finding_suggest(f, table[i].id, NULL, "%s() %s", function, table[i].advice);
}

static void suggest_catch(const struct terminated *t, struct cw_finding *f) {
	const struct cw_thread *thread = t->stack.thread;
	const char *type = t->has_exception && t->exception.type ? t->exception.type : "std::exception";
	const char *handler = cw_format(t->stack.core, "catch (const %s &e)", type),
		   *function = t->placed && t->place.function ? t->place.function : "the function that throws";

	if (t->resumed)
		cw_finding_suggest(f, "allow-throwing", handler,
		    "a caller of %s() lets no exception through: it is noexcept, or it was cleaning up for another exception (a destructor that throws while the stack is unwound): catch %s inside %s(), or drop the noexcept",
		    function, type, function);
	else if (t->thrower == t->stack.n)
		cw_finding_suggest(f, "allow-throwing", handler,
		    "%s() is noexcept (destructors are, too), but something that it calls throws %s: catch it inside, or drop the noexcept",
		    function, type);
	else if (t->noexcept_)
		cw_finding_suggest(f, "allow-throwing", NULL,
		    "a function between %s() and its caller's handler is noexcept (destructors are, too): catch %s inside it, or drop the noexcept",
		    function, type);
	else if (!thread->is_main)
		cw_finding_suggest(f, "catch-in-thread", handler,
		    "an exception must not leave a thread's function: catch it in that of thread %s, or use std::async, whose future hands it to get()",
		    words_thread(t->stack.core, thread));
	else
		cw_finding_suggest(f, "catch-it", handler,
		    "nothing from main() to %s() catches %s: catch it where the program can go on or say what is wrong",
		    function, type);
}

static void add_exception(const struct terminated *t, struct cw_finding *f) {
	const struct cxx_exception *e = &t->exception;

	cw_fact_string(f, "type", t->has_exception ? e->type : NULL);
	cw_fact_string(f, "what", t->has_exception ? e->what : NULL);
	if (!t->has_exception)
		return;
	cw_finding_evidence(f, "the exception object at 0x%llx has type_info \"%s\"%s%s", (unsigned long long)e->object,
	    e->mangled, e->type && strcmp(e->type, e->mangled) != 0 ? ", which is " : "",
	    e->type && strcmp(e->type, e->mangled) != 0 ? e->type : "");
	if (e->what)
		cw_finding_evidence(f, "what: \"%s\" (%s)", e->what, e->what_source);
}

static void add_frames(const struct terminated *t, struct cw_finding *f) {
	const struct words_stack *s = &t->stack;

	if (t->terminate < s->n)
		cw_finding_evidence(
		    f, "frame %u is %s()", s->frames[t->terminate]->index, function_of(t, t->terminate));
	if (t->thrower < s->n)
		cw_finding_evidence(
		    f, "it was reached from frame %u, %s()", s->frames[t->thrower]->index, function_of(t, t->thrower));
}

static void claim_exception(const struct terminated *t, enum cw_confidence confidence, struct cw_run *run) {
	const struct cxx_exception *e = &t->exception;
	bool named = t->has_exception && e->type, text = t->has_exception && e->what;
	struct cw_finding *f;

	/* Without the throw's frames the stack was unwound to the function that must not throw. */
	f = cw_finding_add(run, "uncaught-exception", confidence, "%s%s%s%s %s %s%s", named ? e->type : "an exception",
	    text ? " (\"" : "", text ? e->what : "", text ? "\")" : "",
	    t->resumed                 ? "left"
		: t->thrower == t->stack.n ? "reached"
		: t->rethrown          ? "rethrown by"
				       : "thrown by",
	    t->placed ? t->place.text : "unknown code",
	    t->resumed                 ? " and met a function that is noexcept, or a cleanup on behalf of another exception"
		: t->thrower == t->stack.n ? ", which is noexcept"
		: t->noexcept_       ? " met a function that is noexcept"
				     : " was not caught");
	add_frames(t, f);
	add_exception(t, f);
	if (t->noexcept_)
		cw_fact_string(f, "kind", "noexcept");
	if (t->placed)
		words_add_place(f, &t->place);
	suggest_for_type(t, f);
	if (e->type && strcmp(e->type, "std::bad_alloc") == 0)
		words_add_space(t->stack.core, f);
	suggest_catch(t, f);
}

static void claim_terminate(const struct terminated *t, bool thread, struct cw_run *run) {
	struct cw_finding *f;

	if (thread)
		f = cw_finding_add(run, "terminate", words_trust(&t->stack, t->terminate, CW_CERTAIN),
		    "%s destroyed a std::thread that was still joinable", t->placed ? t->place.text : "the program");
	else
		f = cw_finding_add(run, "terminate", words_trust(&t->stack, t->terminate, CW_CERTAIN),
		    "%s called std::terminate()", t->placed ? t->place.text : "the program");
	add_frames(t, f);
	if (t->placed)
		words_add_place(f, &t->place);
	if (thread) {
		cw_fact_string(f, "kind", "joinable-thread");
		cw_finding_suggest(f, "join-thread", NULL,
		    "join() or detach() the thread in %s before its std::thread goes out of scope, on every way out, or use std::jthread",
		    t->placed ? t->place.text : "the function");
	} else {
		cw_finding_suggest(f, "find-the-reason", NULL,
		    "%s calls std::terminate() itself, or a cleanup threw while an exception was unwinding through it: look at that line",
		    t->placed ? t->place.text : "the function");
	}
}

/* "throw;" where no exception is being handled: the runtime finds none to throw again, and gives up at once. */
static void claim_rethrow_of_nothing(const struct terminated *t, struct cw_run *run) {
	const char *where = t->placed ? t->place.text : "the program";
	struct cw_finding *f;

	f = cw_finding_add(run, "terminate", CW_LIKELY, "%s executed \"throw;\" while no exception was being handled", where);
	add_frames(t, f);
	cw_finding_evidence(f, "from frame %u to frame %u nothing points to an exception object",
	    t->stack.frames[t->terminate]->index, t->stack.frames[t->thrower]->index);
	cw_fact_string(f, "kind", "rethrow-without-exception");
	if (t->placed)
		words_add_place(f, &t->place);
	cw_finding_suggest(f, "rethrow-in-handler", "std::current_exception()",
	    "\"throw;\" throws the exception again that a catch block is handling: call %s only from within one, or test std::current_exception() first",
	    where);
}

/* Exceptions are allocated there: where the core has none of it, that none was found says nothing. */
static bool has_heap(const struct cw_core *core) {
	for (size_t i = 0; i < core->n_mappings; i++)
		if (core->mappings[i].kind == CW_REGION_HEAP && core->mappings[i].stored > 0)
			return true;
	return false;
}

static void claim_pure_virtual(const struct terminated *t, size_t frame, struct cw_run *run) {
	bool deleted = strcmp(words_function(t->stack.frames[frame]), "__cxa_deleted_virtual") == 0;
	struct words_place place;
	bool placed = words_find_place(&t->stack, frame, &place);
	struct cw_finding *f;

	f = cw_finding_add(run, "pure-virtual-call", words_trust(&t->stack, frame, CW_CERTAIN),
	    "%s called a %s virtual function", placed ? place.text : "the program", deleted ? "deleted" : "pure");
	cw_finding_evidence(f, "frame %u is %s(), which stands in vtables in place of such functions",
	    t->stack.frames[frame]->index, function_of(t, frame));
	if (placed)
		words_add_place(f, &place);
	cw_finding_suggest(f, "no-virtual-in-constructor", NULL,
	    "the object of that call in %s is under construction or already destroyed, so that its vtable is the abstract base's: do not call virtual functions from constructors and destructors, and check who still uses it",
	    placed ? place.text : "the program");
}

static int run(const struct cw_core *core, struct cw_run *host) {
	struct terminated t = {};
	enum cw_confidence sure;
	size_t pure, last;

	words_stack_init(&t.stack, core, core->crashed);
	pure = words_find(&t.stack, 0, pure_names);
	if (pure < t.stack.n) {
		claim_pure_virtual(&t, pure, host);
		return 0;
	}
	t.terminate = words_find(&t.stack, 0, terminate_names);
	for (size_t i = 0; i < t.terminate && t.terminate < t.stack.n; i++)
		if (!words_is_runtime(t.stack.frames[i]))
			return 0; /* an abort inside of a terminate handler of the program's own, or of what it called
				   */
	if (t.terminate == t.stack.n)
		return 0;
	while (t.terminate + 1 < t.stack.n &&
	    words_match(words_function(t.stack.frames[t.terminate + 1]), terminate_names))
		t.terminate++;
	/* Only the runtime may stand between: a throw further out is another story. */
	t.thrower = words_find(&t.stack, t.terminate, throw_names);
	for (size_t i = t.terminate + 1; i < t.thrower && t.thrower < t.stack.n; i++)
		if (!words_is_runtime(t.stack.frames[i]))
			t.thrower = t.stack.n;
	last = t.thrower < t.stack.n ? t.thrower : t.terminate + 1 < t.stack.n ? t.terminate + 1 : t.terminate;
	for (size_t i = t.terminate; i <= last && i < t.stack.n; i++)
		t.noexcept_ = t.noexcept_ || words_match(words_function(t.stack.frames[i]), noexcept_names);
	t.placed = words_find_place(&t.stack, last, &t.place);
	t.has_exception = (t.thrower < t.stack.n || t.noexcept_) && cxx_find_exception(&t.stack, 0, last, &t.exception);
	t.rethrown = t.thrower < t.stack.n &&
	    !words_match(words_function(t.stack.frames[t.thrower]), (const char *const[]){ "__cxa_throw", NULL });
	t.resumed = t.noexcept_ && words_find(&t.stack, t.terminate, resume_names) <= last + 2 && t.thrower == t.stack.n;
	sure = words_trust(&t.stack, last, CW_CERTAIN);
	if (t.rethrown && !t.has_exception && has_heap(core) && words_match(words_function(t.stack.frames[t.thrower]), rethrow_names))
		claim_rethrow_of_nothing(&t, host);
	else if (t.thrower < t.stack.n || t.noexcept_)
		claim_exception(&t, t.thrower < t.stack.n || t.has_exception ? sure : CW_LIKELY, host);
	else
		claim_terminate(&t,
		    words_find(&t.stack, t.terminate, thread_names) <= last + 1 &&
			words_find(&t.stack, t.terminate, thread_names) < t.stack.n,
		    host);
	return 0;
}

CW_ANALYZER(cxx_exception) = {
	.abi = CW_ANALYZER_ABI,
	.name = "cxx-exception",
	.summary = "C++ exceptions that nobody caught, std::terminate() and pure virtual calls",
	.priority = 60,
	.applies = words_aborted_itself,
	.run = run,
};
