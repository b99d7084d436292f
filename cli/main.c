/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* corewatchctl: what people type. Reads reports from the journal, and analyses cores by itself; has no rights of its
 * own and needs none. One file per verb. */
#include "cli/options.h"
#include "util/log.h"

int main(int argc, char **argv) {
	struct options options;
	const struct verb *verb;
	char **arguments;
	size_t n;
	int r;

	log_setup("corewatchctl", LOG_LEVEL_INFO);
	r = options_parse(argc, argv, &options, &verb, &arguments, &n);
	if (r > 0)
		return r - 1;
	return verb->run(&options, arguments, n);
}
