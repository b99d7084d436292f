/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See submit-fields.h. Names and meaning: README, "The journal entry". Export format:
 * systemd.io/JOURNAL_EXPORT_FORMATS.
 */
#include "daemon/submit-fields.h"

#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>

#include "report/report.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/text.h"

/* What we add to the report's own fields: the cursor and the unit. */
#define EXTRA_MAX 2

static bool has(const struct submit_fields *fields, const char *name) {
	size_t n = strlen(name);

	for (size_t i = 0; i < fields->n; i++)
		if (fields->iov[i].iov_len > n && memcmp(fields->iov[i].iov_base, name, n) == 0 &&
		    ((const char *)fields->iov[i].iov_base)[n] == '=')
			return true;
	return false;
}

int submit_fields_add(struct submit_fields *fields, const char *name, const char *value) {
	_cleanup_free_ char *clean = NULL;
	char *field;
	int n;

	if (!value || !*value || has(fields, name))
		return 0;
	clean = text_clean_dup(value, strlen(value));
	if (!clean)
		return -ENOMEM;
	n = asprintf(&field, "%s=%s", name, clean);
	if (n < 0)
		return -ENOMEM;
	fields->iov[fields->n++] = (struct iovec){ field, (size_t)n };
	return 0;
}

/*
 * So that `journalctl -u` and `systemctl status` show the report in the unit's own log; they believe it of uid 0
 * only. An entry that a user may have forged (no unit of systemd-coredump as its sender) does not get to write into a
 * unit's log under our name.
 */
static int add_object(struct submit_fields *fields, const struct crash *crash) {
	const char *user_unit = entry_get(crash->entry, FIELD_COREDUMP_USER_UNIT),
		   *unit = entry_get(crash->entry, FIELD_COREDUMP_UNIT);

	if (!crash->privileged && !crash->attributed)
		return 0;
	if (user_unit)
		return submit_fields_add(fields, "OBJECT_SYSTEMD_USER_UNIT", user_unit);
	return submit_fields_add(fields, "OBJECT_SYSTEMD_UNIT", unit);
}

int submit_fields_make(const struct crash *crash, json_object *report, struct submit_fields *ret_fields) {
	struct submit_fields fields = { .n = 0 };
	struct report_fields list;
	int r;

	r = report_fields(report, &list);
	if (r < 0)
		return r;
	fields.iov = calloc(list.n + EXTRA_MAX, sizeof(*fields.iov));
	if (!fields.iov) {
		report_fields_done(&list);
		return -ENOMEM;
	}
	for (size_t i = 0; i < list.n; i++)
		fields.iov[fields.n++] = (struct iovec){ list.fields[i], strlen(list.fields[i]) };
	free(list.fields); /* the strings are ours now */

	r = submit_fields_add(&fields, "COREWATCH_COREDUMP_CURSOR", crash->entry->cursor);
	if (r >= 0)
		r = add_object(&fields, crash);
	if (r < 0) {
		submit_fields_done(&fields);
		return r;
	}
	*ret_fields = fields;
	return 0;
}

void submit_fields_done(struct submit_fields *fields) {
	for (size_t i = 0; i < fields->n; i++)
		free(fields->iov[i].iov_base);
	free(fields->iov);
	*fields = (struct submit_fields){ .n = 0 };
}

static void export_field(FILE *out, const struct iovec *field) {
	const char *text = field->iov_base;
	size_t name = strcspn(text, "=");
	uint64_t length = htole64(field->iov_len - name - 1);

	if (!memchr(text, '\n', field->iov_len)) {
		fprintf(out, "%.*s\n", (int)field->iov_len, text);
		return;
	}
	fprintf(out, "%.*s\n", (int)name, text);
	fwrite(&length, sizeof(length), 1, out);
	fwrite(text + name + 1, field->iov_len - name - 1, 1, out);
	fputc('\n', out);
}

int submit_fields_export(const struct submit_fields *fields, uint32_t uid, const char *path) {
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	char boot_text[SD_ID128_STRING_MAX];
	struct stat st;
	sd_id128_t boot;
	size_t length;
	FILE *out;
	int r;

	r = sd_id128_get_boot(&boot);
	if (r < 0)
		return r;

	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	out = open_memstream(&text, &length);
	if (!out)
		return -ENOMEM;
	fprintf(out, "__REALTIME_TIMESTAMP=%" PRIu64 "\n",
	        clock_usec(CLOCK_REALTIME));
	fprintf(out, "_BOOT_ID=%s\n_TRANSPORT=journal\n_UID=%" PRIu32 "\n", sd_id128_to_string(boot, boot_text),
	        uid);
	for (size_t i = 0; i < fields->n; i++)
		export_field(out, &fields->iov[i]);
	fputc('\n', out);
	r = memstream_close(out, &text);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	r = write_full(fd, text, length);
	/* Half an entry would be taken for the beginning of the next. */
	if (r < 0)
		(void)ftruncate(fd, st.st_size);
	return r;
}
