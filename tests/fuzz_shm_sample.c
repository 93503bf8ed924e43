/* Fuzz target: any octets as the segment of NTP's shared memory, and what must hold of every sample. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/shm_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

/* The segment, and the count that is read after it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct measurement m = {.counter = 1};
	struct shm_sample sample;
	int32_t count_after;
	ntp64 kernel = 1;

	if (size < sizeof(sample) + sizeof(count_after))
		return 0;
	memcpy(&sample, data, sizeof(sample));
	memcpy(&count_after, data + sizeof(sample), sizeof(count_after));
	if (shm_sample_parse(&sample, count_after, &kernel, &m) != SHM_SAMPLE_GOOD) {
		require(m.counter == 1 && kernel == 1);
		return 0;
	}
	require(sample.valid && (sample.mode == 0 || sample.count == count_after));
	require(m.leap <= NTP_LEAP_UNSYNC && !m.pulse);
	require(m.error > 0 && m.error < NTP64_SECOND / 1000);
	return 0;
}
