#include "tests/sim/world.h"

#include <math.h>
#include <stdio.h>

#include "tests/sim/noise.h"

/* Steps of the oscillator's models are no longer than this, in s. */
static const double stride = 1;
/* The line may be served for so many seconds after the last publication. */
static const double abandoned = 3600;

static double seconds_of(int64_t units)
{
	return (double)units / (double)NTP64_SECOND;
}

static uint64_t units_of(double seconds)
{
	return (uint64_t)(int64_t)rint(seconds * (double)NTP64_SECOND);
}

static void stride_by(struct world *w, double dt)
{
	double ticks = w->ticks + w->scenario->hz * (dt + oscillator_advance(&w->oscillator, dt));
	double units = w->units + dt * (double)NTP64_SECOND;

	w->counter += (uint64_t)(int64_t)floor(ticks);
	w->ticks = ticks - floor(ticks);
	w->time += (uint64_t)(int64_t)floor(units);
	w->units = units - floor(units);
}

static void advance_to(struct world *w, double now)
{
	while (w->now < now) {
		double dt = fmin(now - w->now, stride);

		stride_by(w, dt);
		w->now += dt;
	}
	w->now = now;
}

/* Error of what somebody takes the present time to be. */
static double error_of(const struct world *w, ntp64 time)
{
	return seconds_of(ntp64_diff(time, w->time)) - w->units / (double)NTP64_SECOND;
}

static void tell_events(struct world *w)
{
	struct discipline_event e;

	while (discipline_event(w->discipline, &e))
		if (w->verbose)
			printf("%10.1f s: %s\n", w->now, e.text);
}

static void show(struct world *w, double error, double bound, bool synchronised)
{
	ntp64 time;
	uint64_t disciplined_bound;

	if (w->watch)
		w->watch(w->opaque, &(struct world_row){
					    .now = w->now,
					    .error = error,
					    .bound = bound,
					    .disciplined = discipline_time(w->discipline, w->counter, &time,
								   &disciplined_bound)
								   ? error_of(w, time)
								   : NAN,
					    .oscillator = w->oscillator.rate,
					    .estimated = -(double)w->published.skew_ppb * 1e-9,
					    .synchronised = synchronised,
				    });
}

static void probe(struct world *w, double dt)
{
	double error = error_of(w, timebase_time(&w->published, w->counter));
	double bound = seconds_of((int64_t)timebase_error(&w->published, w->counter));
	bool synchronised = timebase_is_synchronised(&w->published, w->counter);

	measures_probe(&w->measures, w->now, dt, error, bound, synchronised);
	show(w, error, bound, synchronised);
}

/* Two publications meet to a unit, unless there was a step. */
static void check_continuity(struct world *w, const struct timebase *before)
{
	int64_t jump = ntp64_diff(w->published.time, timebase_time(before, w->published.counter));

	if (before->rate && before->steps == w->published.steps && before->leap != NTP_LEAP_UNSYNC &&
		(jump < 0 || jump > 1))
		w->jumps++;
}

static void tick(struct world *w, double dt)
{
	struct timebase before = w->published;

	if (w->published.rate)
		probe(w, dt);
	discipline_tick(w->discipline, w->counter);
	discipline_publish(w->discipline, &w->published);
	check_continuity(w, &before);
	w->published.valid_until = w->counter + (uint64_t)(abandoned * w->scenario->hz);
	tell_events(w);
}

static void probe_settled(struct world *w, double error, double bound)
{
	series_add(&w->measures.error, error);
	series_add(&w->measures.bound, bound);
	series_add(&w->measures.ratio, bound / fmax(fabs(error), 1e-10));
}

/* On each second of true time. */
static void probe_second(struct world *w)
{
	double error = error_of(w, timebase_time(&w->published, w->counter));
	double bound = seconds_of((int64_t)timebase_error(&w->published, w->counter));

	if (w->pi)
		pi_probe(w->pi, w->counter, w->time);
	if (w->line)
		line_fit_probe(w->line, w->counter, w->time);
	series_add(&w->measures.free_running,
		(double)(int64_t)(w->counter - w->scenario->counter) / w->scenario->hz - w->now);
	if (w->now < w->measures.settle)
		series_add(&w->measures.early,
			timebase_is_synchronised(&w->published, w->counter) ? error : NAN);
	else if (timebase_is_synchronised(&w->published, w->counter))
		probe_settled(w, error, bound);
}

static void read_reference(struct world *w, int index)
{
	const struct reference *r = &w->scenario->reference[index];
	double late = reference_late(r, w->now, &w->seed), off = reference_off(r, w->now);
	const struct fault *unsure = reference_fault(r, FAULT_UNSURE, w->now);
	struct measurement m = {
		.counter = w->counter,
		.error = units_of(r->claim) + 1,
		.leap = unsure ? NTP_LEAP_UNSYNC : NTP_LEAP_NONE,
		.pulse = r->pulse,
	};
	double says = -off - (unsure ? unsure->value : 0);

	if (r->pulse) {
		m.counter += (uint64_t)(int64_t)rint(late * w->scenario->hz);
		m.time = units_of(says) & UINT32_MAX;
	} else {
		m.time = w->time + units_of(says - late);
	}
	discipline_take(w->discipline, index, &m);
	if (r->pulse)
		m.time = (w->time + NTP64_SECOND / 2) & ~(ntp64)UINT32_MAX;
	if (w->pi && index == 0)
		pi_sample(w->pi, m.counter, m.time);
	if (w->line && index == 0)
		line_fit_sample(w->line, m.counter, m.time);
}

static void sample(struct world *w, int index)
{
	const struct reference *r = &w->scenario->reference[index];
	const struct fault *doubled = reference_fault(r, FAULT_DOUBLED, w->now);

	if (!reference_fault(r, FAULT_SILENT, w->now))
		read_reference(w, index);
	w->next_sample[index] += r->interval;
	if (doubled)
		w->repeat_at[index] = w->now + doubled->value;
}

static void repeat(struct world *w, int index)
{
	read_reference(w, index);
	w->repeat_at[index] = INFINITY;
}

bool world_open(struct world *w, const struct scenario *s)
{
	*w = (struct world){.scenario = s, .seed = s->seed ^ 0x5eed, .counter = s->counter, .time = s->time};
	oscillator_start(&w->oscillator, &s->oscillator, s->seed ^ 0x05c1);
	w->measures.settle = 600;
	w->measures.first = -1;
	w->discipline = discipline_new(&s->options);
	if (!w->discipline)
		return false;
	for (int i = 0; i < s->references; i++) {
		discipline_add(w->discipline, &s->reference[i].options);
		w->next_sample[i] = s->reference[i].pulse ? 1 : noise_between(&w->seed, 0, 1);
		w->repeat_at[i] = INFINITY;
	}
	return true;
}

/* What comes next: the earliest of all. */
static double earliest(const struct world *w, double second)
{
	double next = fmin(w->next_tick, second);

	for (int i = 0; i < w->scenario->references; i++)
		next = fmin(next, fmin(w->next_sample[i], w->repeat_at[i]));
	return next;
}

static void sleep_through(struct world *w)
{
	const struct scenario *s = w->scenario;

	w->suspended = true;
	advance_to(w, w->now + s->suspended);
	for (int i = 0; i < s->references; i++) {
		w->repeat_at[i] = INFINITY;
		while (w->next_sample[i] <= w->now)
			w->next_sample[i] += s->reference[i].interval;
	}
	w->next_tick = w->now;
}

static void turn(struct world *w, double *second)
{
	const struct scenario *s = w->scenario;
	double before = w->next_tick;

	advance_to(w, earliest(w, *second));
	for (int i = 0; i < s->references; i++) {
		if (w->now >= w->next_sample[i])
			sample(w, i);
		if (w->now >= w->repeat_at[i])
			repeat(w, i);
	}
	if (w->now >= *second) {
		probe_second(w);
		*second += 1;
	}
	if (w->now >= w->next_tick) {
		w->next_tick = w->now + s->tick * noise_between(&w->seed, 0.2, 1.8);
		tick(w, w->next_tick - before);
	}
}

/* Nobody ticks any more: what was published last has to hold for as long as it may be served. */
static void abandon(struct world *w)
{
	double end = w->now + abandoned;

	w->watch = NULL;
	w->measures.abandoned = true;
	while (w->now < end) {
		advance_to(w, fmin(w->now + 10, end));
		probe(w, 0);
	}
}

void world_run(struct world *w)
{
	const struct scenario *s = w->scenario;
	double second = 1;

	while (w->now < s->seconds) {
		if (s->suspend > 0 && w->now >= s->suspend && !w->suspended) {
			sleep_through(w);
			second = ceil(w->now) + 1;
		}
		turn(w, &second);
	}
	abandon(w);
}

void world_close(struct world *w)
{
	discipline_free(w->discipline);
	measures_free(&w->measures);
}
