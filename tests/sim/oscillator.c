#include "tests/sim/oscillator.h"

#include <math.h>

#include "tests/sim/noise.h"

enum { FLUTTER_SECONDS = 60 };

static double rate_now(const struct oscillator *o)
{
	const struct oscillator_options *p = &o->options[0];
	double kelvin = o->warm + o->flutter;

	if (p->period > 0)
		kelvin += p->swing * sin(2 * M_PI * (o->now / p->period + p->turn));
	return p->offset + p->ageing * o->now + o->walked + p->coefficient * kelvin;
}

void oscillator_start(struct oscillator *o, const struct oscillator_options *options, uint64_t seed)
{
	*o = (struct oscillator){.options = options, .seed = seed};
	o->rate = rate_now(o);
}

static double room(const struct oscillator *o)
{
	double kelvin = 0;

	for (int i = 0; i < o->options->steps; i++)
		if (o->now >= o->options->step[i].at)
			kelvin += o->options->step[i].kelvin;
	return kelvin;
}

double oscillator_advance(struct oscillator *o, double dt)
{
	const struct oscillator_options *p = o->options;
	double before = o->rate, pull = dt / FLUTTER_SECONDS;

	o->now += dt;
	o->walked += p->walk * sqrt(dt) * noise_normal(&o->seed);
	if (p->flutter > 0)
		o->flutter += -pull * o->flutter + p->flutter * sqrt(2 * pull) * noise_normal(&o->seed);
	if (p->inertia > 0)
		o->warm += (room(o) - o->warm) * (1 - exp(-dt / p->inertia));
	o->rate = rate_now(o);
	return dt * (before + o->rate) / 2 + p->white * sqrt(dt) * noise_normal(&o->seed);
}
