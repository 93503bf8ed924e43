#include "control/drift_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/file_content.h"
#include "control/new_file.h"

enum {
	FILE_MAX = 4096, /* octets; more is no drift file */
	PPM_MAX = 100000,
};

/* The next number; where it ends, or NULL where there is none. */
static const char *take_number(const char *at, double *value)
{
	static const char blanks[] = " \t\r\n";
	size_t length;
	char *end;

	at += strspn(at, blanks);
	length = strcspn(at, blanks);
	/* strtod would take hexadecimal, infinity and NaN, too */
	if (length == 0 || strspn(at, "0123456789+-.eE") != length)
		return NULL;
	*value = strtod(at, &end);
	return end == at + length ? end : NULL;
}

static bool is_sane(double ppm, double skew_ppm)
{
	return fabs(ppm) <= PPM_MAX && skew_ppm > 0 && skew_ppm <= PPM_MAX;
}

bool drift_file_parse(const char *text, size_t size, double *ppm, double *skew_ppm)
{
	char copy[256];
	const char *at;

	if (size >= sizeof(copy))
		size = sizeof(copy) - 1;
	memcpy(copy, text, size);
	copy[size] = '\0';
	at = take_number(copy, ppm);
	return at && take_number(at, skew_ppm) && is_sane(*ppm, *skew_ppm);
}

size_t drift_file_format(char text[DRIFT_FILE_TEXT], double ppm, double skew_ppm)
{
	/* Of fewer than six digits behind the point nothing would be left. */
	if (skew_ppm > 0 && skew_ppm < 1e-6)
		skew_ppm = 1e-6;
	if (!is_sane(ppm, skew_ppm))
		return 0;
	return (size_t)snprintf(text, DRIFT_FILE_TEXT, "%20.6f %20.6f\n", ppm, skew_ppm);
}

bool drift_file_read(const char *path, double *ppm, double *skew_ppm, char *text, size_t size)
{
	char content[FILE_MAX];
	size_t used;

	text[0] = '\0';
	if (!file_content_read(path, content, sizeof(content), &used)) {
		if (errno != ENOENT)
			snprintf(text, size, "%s cannot be read: %s; the rate is learned anew", path,
				strerror(errno));
		return false;
	}
	if (drift_file_parse(content, used, ppm, skew_ppm))
		return true;
	snprintf(text, size,
		"%s: found something else than a rate and its skew in ppm; the rate is learned anew", path);
	return false;
}

bool drift_file_write(const char *path, double ppm, double skew_ppm, char *text, size_t size)
{
	char content[DRIFT_FILE_TEXT];
	const size_t used = drift_file_format(content, ppm, skew_ppm);

	if (used > 0)
		return new_file_write(path, 0644, true, content, used, text, size);
	snprintf(text, size, "%s: a rate of %g ppm, give or take %g ppm, is not worth keeping", path, ppm,
		skew_ppm);
	return false;
}
