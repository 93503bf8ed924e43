#include "tests/sim/reference.h"

#include <math.h>
#include <stddef.h>

#include "tests/sim/noise.h"

/* Hz by which a receiver's own clock is off its grid: the beat of its sawtooth. */
static const double beat = 0.013;

static bool is_on(const struct fault *f, double now)
{
	return now >= f->from && now < f->to;
}

const struct fault *reference_fault(const struct reference *r, enum fault_kind kind, double now)
{
	for (int i = 0; i < r->faults; i++)
		if (r->fault[i].kind == kind && is_on(&r->fault[i], now))
			return &r->fault[i];
	return NULL;
}

double reference_off(const struct reference *r, double now)
{
	double off = 0;

	for (int i = 0; i < r->faults; i++) {
		const struct fault *f = &r->fault[i];

		if (f->kind == FAULT_OFFSET && is_on(f, now))
			off += f->value;
		if (f->kind == FAULT_RAMP && is_on(f, now))
			off += f->value * (now - f->from);
	}
	return off;
}

double reference_late(const struct reference *r, double now, uint64_t *seed)
{
	double late = r->bias + r->noise * noise_normal(seed);
	const struct fault *spikes = reference_fault(r, FAULT_SPIKES, now);

	if (r->period > 0)
		late += r->swing * sin(2 * M_PI * now / r->period);
	if (r->sawtooth > 0)
		late += r->sawtooth * (2 * (now * beat - floor(now * beat)) - 1);
	if (spikes && random_unit(seed) < spikes->value)
		late += noise_scale(seed, 1e-6, 1e-3) * (random_unit(seed) < 0.5 ? -1 : 1);
	return late;
}
