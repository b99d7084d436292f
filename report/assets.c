/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See assets.h. The assembler takes the files in, so nothing has to be generated; the Makefile knows of the dependency.
 * ASSETS_DIR is dashboard/ of the source tree. */
#include "report/assets.h"

#include "util/macro.h"

#define ASSET(name, file)                                                                                            \
	extern const char name##_begin[], name##_end[];                                                              \
	__asm__(".pushsection .rodata." #name ",\"a\"\n"                                                             \
	        ".globl " #name "_begin, " #name "_end\n"                                                            \
	        ".hidden " #name "_begin, " #name "_end\n" #name "_begin:\n"                                         \
	        ".incbin \"" ASSETS_DIR "/" file "\"\n" #name "_end:\n"                                              \
	        ".byte 0\n"                                                                                          \
	        ".popsection\n")

ASSET(picture_js, "picture.js");
ASSET(view_js, "view.js");
ASSET(view_css, "view.css");

void asset_write(enum asset asset, FILE *out) {
	static const struct {
		const char *begin, *end;
	} assets[] = {
		[ASSET_PICTURE_JS] = { picture_js_begin, picture_js_end },
		[ASSET_VIEW_JS] = { view_js_begin, view_js_end },
		[ASSET_VIEW_CSS] = { view_css_begin, view_css_end },
	};

	fwrite(assets[asset].begin, 1, (size_t)(assets[asset].end - assets[asset].begin), out);
}
