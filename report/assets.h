/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of dashboard/ that the HTML report carries, as they were when this was built. */
#pragma once

#include <stdio.h>

enum asset { ASSET_PICTURE_JS, ASSET_VIEW_JS, ASSET_VIEW_CSS };

void asset_write(enum asset asset, FILE *out);
