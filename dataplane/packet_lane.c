#include "dataplane/packet_lane.h"

#include <string.h>

#include "dataplane/classify.h"
#include "tickwire_build.h"

#if TICKWIRE_X86_KERNELS
static bool supports_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
}

static const struct packet_lane avx512 = {.name = "avx512",
	.supported = supports_avx512,
	.classify = classify_burst_avx512,
	.answer = answer_burst_avx512,
	.headers = answer_headers_avx512,
	.frames = answer_frames_avx512};
#endif

static bool supports_generic(void)
{
	return true;
}

static const struct packet_lane generic = {.name = "generic",
	.supported = supports_generic,
	.classify = classify_burst,
	.answer = answer_burst,
	.headers = answer_headers,
	.frames = answer_frames};

const struct packet_lane *const packet_lanes[] = {
#if TICKWIRE_X86_KERNELS
	&avx512,
#endif
	&generic, NULL};

const struct packet_lane *packet_lane_best(void)
{
	const struct packet_lane *const *lane = packet_lanes;

	while (!(*lane)->supported())
		lane++;
	return *lane;
}

const struct packet_lane *packet_lane_find(const char *name)
{
	const struct packet_lane *const *lane = packet_lanes;

	while (*lane && strcmp((*lane)->name, name) != 0)
		lane++;
	return *lane;
}
