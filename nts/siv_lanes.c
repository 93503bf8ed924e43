#include "nts/siv_lanes.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

struct siv_lanes *siv_lanes_new(const struct siv_lanes_backend *backend)
{
	const size_t size = (backend->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	struct siv_lanes *lanes = aligned_alloc(ALIGNMENT, size);

	if (!lanes)
		return NULL;
	memset(lanes, 0, size);
	lanes->backend = backend;
	return lanes;
}

void siv_lanes_free(struct siv_lanes *lanes)
{
	if (!lanes)
		return;
	explicit_bzero(lanes, lanes->backend->size);
	free(lanes);
}
