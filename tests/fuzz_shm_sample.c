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

/* The segment, and the count that is read after it; `valid` is read there too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct measurement m = {.counter = 1};
	struct shm_sample sample;
	struct shm_sample_after after = {.valid = 0};
	ntp64 kernel = 1;

	if (size < sizeof(sample) + sizeof(after.count))
		return 0;
	memcpy(&sample, data, sizeof(sample));
	memcpy(&after.count, data + sizeof(sample), sizeof(after.count));
	require(shm_sample_parse(&sample, &after, &kernel, &m) != SHM_SAMPLE_GOOD);
	after.valid = 1;
	if (shm_sample_parse(&sample, &after, &kernel, &m) != SHM_SAMPLE_GOOD) {
		require(m.counter == 1 && kernel == 1);
		return 0;
	}
	require(sample.valid && (sample.mode == 0 || sample.count == after.count));
	require(m.leap <= NTP_LEAP_UNSYNC && !m.pulse);
	require(m.error > 0 && m.error < NTP64_SECOND / 1000);
	return 0;
}
