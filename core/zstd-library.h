/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libzstd, loaded when something packed with it turns up (util/library.h): a core, or a section of debug information. */
#pragma once

#include <zstd.h>
#include <zstd_errors.h>

#include "util/library.h"

struct zstd_library {
	typeof(ZSTD_createDStream) *createDStream;
	typeof(ZSTD_freeDStream) *freeDStream;
	typeof(ZSTD_DCtx_setParameter) *DCtx_setParameter;
	typeof(ZSTD_DStreamInSize) *DStreamInSize;
	typeof(ZSTD_decompressStream) *decompressStream;
	typeof(ZSTD_decompress) *decompress;
	typeof(ZSTD_isError) *isError;
	typeof(ZSTD_getErrorCode) *getErrorCode;
	typeof(ZSTD_getErrorName) *getErrorName;
};

/* Valid after zstd_load() was 0. */
extern struct zstd_library zstd;

/* 0, -ENOPKG. */
int zstd_load(void);
