/* Fuzz target: any octets as a drift file, and what must hold of every rate that comes out. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/drift_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const double digit = 1e-6; /* ppm: the last one that is written */

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

/* What is read can be written, is then read as the same but for rounding, and is the same text from then on.
 */
static void check_again(double ppm, double skew_ppm)
{
	char text[DRIFT_FILE_TEXT], again[DRIFT_FILE_TEXT];
	const size_t used = drift_file_format(text, ppm, skew_ppm);
	double ppm_again, skew_again;

	require(used > 0 && used < sizeof(text) && used == strlen(text));
	require(drift_file_parse(text, used, &ppm_again, &skew_again));
	require(fabs(ppm_again - ppm) < digit && fabs(skew_again - skew_ppm) <= digit);
	require(drift_file_format(again, ppm_again, skew_again) == used && memcmp(again, text, used) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	double ppm = NAN, skew_ppm = NAN;

	if (!drift_file_parse((const char *)data, size, &ppm, &skew_ppm))
		return 0;
	require(fabs(ppm) <= 100000 && skew_ppm > 0 && skew_ppm <= 100000);
	check_again(ppm, skew_ppm);
	return 0;
}
