/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line to standard error, where the error is given up. Under systemd (JOURNAL_STREAM set or log_to_journal()) with the "<N>" priority prefix of sd-daemon(3),
 * else "PROGRAM: message". Only daemon/, cli/ and worker/main.c use it. */
#pragma once

#include "util/macro.h"

enum { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

void log_setup(const char *program, int max_level);
void log_set_max_level(int max_level);
void log_message(int level, const char *format, ...) _printf_(2, 3); /* saves errno; control characters are replaced */

#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_message(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)
