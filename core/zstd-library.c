/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See zstd-library.h. */
#include "core/zstd-library.h"

struct zstd_library zstd;

int zstd_load(void) {
	static const struct library_function functions[] = {
		{ "ZSTD_createDStream", &zstd.createDStream },
		{ "ZSTD_freeDStream", &zstd.freeDStream },
		{ "ZSTD_DCtx_setParameter", &zstd.DCtx_setParameter },
		{ "ZSTD_DStreamInSize", &zstd.DStreamInSize },
		{ "ZSTD_decompressStream", &zstd.decompressStream },
		{ "ZSTD_decompress", &zstd.decompress },
		{ "ZSTD_isError", &zstd.isError },
		{ "ZSTD_getErrorCode", &zstd.getErrorCode },
		{ "ZSTD_getErrorName", &zstd.getErrorName },
	};
	static struct library library = LIBRARY(ZSTD_SONAME, functions);

	return library_load(&library);
}
