/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See library.h. */
#include "util/library.h"

#include <dlfcn.h>

static int load(const struct library *library) {
	void *handle = dlopen(library->soname, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return -ENOPKG;
	for (size_t i = 0; i < library->n_functions; i++) {
		void *function = dlsym(handle, library->functions[i].name);

		if (!function) {
			dlclose(handle);
			return -ENOPKG;
		}
		/* POSIX lets a function be found as an object. */
		memcpy(library->functions[i].to, &function, sizeof(function));
	}
	return 0;
}

int library_load(struct library *library) {
	if (library->result > 0)
		library->result = load(library);
	return library->result;
}
