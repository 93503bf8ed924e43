/* Fuzz target: any octets as a datagram of chrony's SOCK protocol, and what must hold of every sample. */
#include <stdint.h>
#include <stdlib.h>

#include "refclock/sock_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct measurement m = {.counter = 1};
	ntp64 kernel = 1;

	if (sock_sample_parse(data, size, &kernel, &m) != SOCK_SAMPLE_GOOD) {
		require(m.counter == 1 && kernel == 1);
		return 0;
	}
	require(size == SOCK_SAMPLE_64 || size == SOCK_SAMPLE_32);
	require(m.leap <= NTP_LEAP_UNSYNC);
	require(m.error > 0 && m.error < NTP64_SECOND);
	return 0;
}
