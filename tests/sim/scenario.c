#include "tests/sim/scenario.h"

#include <math.h>
#include <string.h>

#include "tests/sim/noise.h"

/* Puts a scenario together. */
struct maker {
	struct scenario *s;
	uint64_t seed;
};

static double between(struct maker *m, double low, double high)
{
	return noise_between(&m->seed, low, high);
}

static double scale(struct maker *m, double low, double high)
{
	return noise_scale(&m->seed, low, high);
}

static bool coin(struct maker *m)
{
	return noise_below(&m->seed, 2) == 0;
}

static double sign(struct maker *m)
{
	return coin(m) ? 1 : -1;
}

/* Counters that wrap and times at the end of the era come as often as others. */
static void choose_start(struct maker *m)
{
	struct scenario *s = m->s;
	const uint64_t counters[] = {random_next(&m->seed), INT64_MAX - (uint64_t)(1000 * s->hz),
		UINT64_MAX - (uint64_t)(700 * s->hz), (uint64_t)s->hz};
	const uint64_t seconds[] = {UINT64_C(0x100000000) - 1200, NTP_UNIX_EPOCH + 1800000000,
		NTP_UNIX_EPOCH + 4000000000, random_next(&m->seed) >> 32};

	s->counter = counters[noise_below(&m->seed, 4)];
	s->time = seconds[noise_below(&m->seed, 4)] << 32;
}

static void choose_oscillator(struct maker *m)
{
	struct oscillator_options *o = &m->s->oscillator;

	*o = (struct oscillator_options){
		.offset = sign(m) * scale(m, 1e-7, 1e-4),
		.ageing = sign(m) * scale(m, 1e-15, 1e-12),
		.coefficient = scale(m, 1e-8, 1e-6),
		.swing = between(m, 0, 3),
		.period = scale(m, 1800, 86400),
		.turn = between(m, 0, 1),
		.flutter = scale(m, 1e-4, 1e-2),
		.inertia = between(m, 300, 1200),
		.white = scale(m, 1e-11, 2e-9),
		.walk = scale(m, 1e-13, 1e-10),
	};
}

static void add_temperature_step(struct maker *m, double at)
{
	struct oscillator_options *o = &m->s->oscillator;

	if (o->steps < OSCILLATOR_STEPS)
		o->step[o->steps++] = (struct temperature_step){at, sign(m) * between(m, 0.5, 3)};
}

static struct reference *add(struct maker *m, enum source_kind kind, const char *refid)
{
	struct reference *r = &m->s->reference[m->s->references++];

	source_options_init(&r->options, kind);
	memset(r->options.refid, 0, SOURCE_REFID);
	memcpy(r->options.refid, refid, strlen(refid) < SOURCE_REFID ? strlen(refid) : SOURCE_REFID);
	r->interval = 1;
	return r;
}

static struct reference *add_pulses(struct maker *m, const char *refid, double noise)
{
	struct reference *r = add(m, SOURCE_PPS, refid);

	r->pulse = true;
	r->noise = noise;
	r->claim = noise / 4;
	r->options.precision = noise * between(m, 0.7, 2);
	r->options.poll = (int8_t)(2 + noise_below(&m->seed, 3));
	memcpy(r->options.lock, "NMEA", SOURCE_REFID);
	return r;
}

/* What numbers seconds: late and noisy, with a delay that covers that. */
static struct reference *add_nmea(struct maker *m)
{
	struct reference *r = add(m, SOURCE_NMEA, "NMEA");

	r->noise = scale(m, 1e-4, 5e-3);
	r->bias = between(m, -0.04, 0.04);
	r->options.delay = 0.1;
	r->options.precision = 1e-3;
	r->options.noselect = coin(m);
	return r;
}

static struct reference *add_system(struct maker *m)
{
	struct reference *r = add(m, SOURCE_SYSTEM, "SYS");

	r->claim = scale(m, 1e-3, 3e-2);
	r->bias = between(m, -0.6, 0.6) * r->claim;
	r->swing = 0.3 * r->claim;
	r->period = scale(m, 1e4, 1e5);
	r->noise = 1e-7;
	r->options.precision = 1e-6;
	return r;
}

static void add_fault(struct reference *r, enum fault_kind kind, double from, double length, double value)
{
	if (r->faults < REFERENCE_FAULTS)
		r->fault[r->faults++] = (struct fault){kind, from, from + length, value};
}

/* Pulses and what numbers them. */
static struct reference *usual(struct maker *m)
{
	struct reference *pulses = add_pulses(m, "PPS", scale(m, 2e-8, 5e-5));

	add_nmea(m);
	return pulses;
}

static void make_reference(struct maker *m)
{
	struct scenario *s = m->s;
	struct reference *r = add_pulses(m, "PPS", 1e-7);

	r->claim = 0;
	r->options.precision = 1e-7;
	s->tick = 0.05;
	add_nmea(m)->options.noselect = true;
	s->seconds = 3 * 3600;
	s->rms = 50e-9;
	s->oscillator = (struct oscillator_options){
		.offset = sign(m) * between(m, 1e-6, 5e-5),
		.coefficient = 1e-6,
		.swing = 2,
		.period = 3600,
		.turn = between(m, 0, 1),
		.flutter = 1e-3,
		.white = 3e-10,
		.walk = 1e-11,
	};
}

/* The case of tests/guest: 1 us of noise, and a rate that is constant, as no oscillator's is. */
static void make_constant(struct maker *m)
{
	struct reference *r = add_pulses(m, "PPS", 1e-6);

	r->claim = 0;
	r->options.precision = 1e-7;
	add_nmea(m)->options.noselect = true;
	m->s->rms = 150e-9;
	m->s->oscillator = (struct oscillator_options){.offset = 50e-6};
}

/* ... or goes up and down by 0.1 ppm in an hour. */
static void make_hourly(struct maker *m)
{
	make_constant(m);
	m->s->rms = 250e-9;
	m->s->oscillator.coefficient = 1e-7;
	m->s->oscillator.swing = 1;
	m->s->oscillator.period = 3600;
	m->s->oscillator.turn = between(m, 0, 1);
}

static void make_quiet(struct maker *m)
{
	usual(m);
	m->s->oscillator.coefficient = 1e-9;
	m->s->oscillator.flutter = 0;
	m->s->oscillator.white = 1e-11;
}

static void make_crystal(struct maker *m)
{
	usual(m);
	m->s->oscillator.coefficient = 1e-6;
}

static void make_draught(struct maker *m)
{
	usual(m);
	m->s->oscillator.coefficient = between(m, 2e-7, 1e-6);
	for (int i = 0; i < 4; i++)
		add_temperature_step(m, between(m, 300, m->s->seconds));
}

static void make_ageing(struct maker *m)
{
	usual(m);
	m->s->oscillator.ageing = sign(m) * scale(m, 1e-12, 1e-10);
}

static void make_noisy(struct maker *m)
{
	add_pulses(m, "PPS", scale(m, 5e-6, 5e-5));
	add_nmea(m);
}

static void make_bias(struct maker *m)
{
	struct reference *r = usual(m);

	r->options.delay = scale(m, 1e-7, 1e-3);
	r->bias = sign(m) * between(m, 0.3, 0.6) * r->options.delay / 2;
	r->swing = between(m, 0, 0.35) * r->options.delay / 2;
	r->period = scale(m, 3000, 30000);
}

static void make_spikes(struct maker *m)
{
	add_fault(usual(m), FAULT_SPIKES, 0, 1e9, between(m, 0.01, 0.25));
}

static void make_sawtooth(struct maker *m)
{
	struct reference *r = add_pulses(m, "PPS", scale(m, 2e-8, 1e-7));

	add_nmea(m);
	r->sawtooth = between(m, 0.5e-8, 3e-8);
}

static void make_doubled(struct maker *m)
{
	add_fault(usual(m), FAULT_DOUBLED, between(m, 0, 1000), 1000, scale(m, 1e-4, 0.6));
}

static void make_missing(struct maker *m)
{
	struct reference *r = usual(m);

	for (int i = 0; i < 3; i++)
		add_fault(r, FAULT_SILENT, between(m, 200, 1500), 1, 0);
	add_fault(r, FAULT_SILENT, between(m, 1500, 1800), 10, 0);
	add_fault(r, FAULT_SILENT, between(m, 1800, 2000), 1000, 0);
	m->s->synchronised_ends = true;
}

static void make_off_second(struct maker *m)
{
	add_fault(usual(m), FAULT_OFFSET, between(m, 300, 1500), between(m, 10, 600), sign(m) * 0.1);
	m->s->synchronised_ends = true;
}

/* The receiver's second is wrong, its pulses are not. */
static void wrong_time(struct maker *m, double by)
{
	usual(m);
	add_fault(&m->s->reference[1], FAULT_OFFSET, between(m, 300, 1500), between(m, 10, 900), by);
	m->s->synchronised_ends = true;
}

static void make_wrong_second(struct maker *m)
{
	wrong_time(m, sign(m));
}

static void make_wrong_leap(struct maker *m)
{
	wrong_time(m, sign(m) * 18);
}

static void make_wrong_week(struct maker *m)
{
	wrong_time(m, sign(m) * 1024 * 7 * 86400.0);
}

static void make_half_second(struct maker *m)
{
	wrong_time(m, sign(m) * 0.5);
}

/* A clock that gives whole times jumps. */
static void make_wrong_phc(struct maker *m)
{
	const double jumps[] = {1, 18, 0.5, 1024 * 7 * 86400.0, 37};
	struct reference *r = add(m, SOURCE_PHC, "PHC");

	r->noise = scale(m, 2e-8, 1e-6);
	r->options.precision = r->noise;
	r->options.poll = (int8_t)noise_below(&m->seed, 4);
	r->options.dpoll = -2;
	r->interval = 0.25;
	r->claim = 5e-8;
	add_fault(r, FAULT_OFFSET, between(m, 600, 1500), between(m, 5, 900),
		sign(m) * jumps[noise_below(&m->seed, 5)]);
	m->s->synchronised_ends = true;
}

static void make_phc(struct maker *m)
{
	make_wrong_phc(m);
	m->s->reference[0].faults = 0;
}

/* Two that had agreed. */
static void make_two(struct maker *m)
{
	struct reference *a = usual(m), *b = add_pulses(m, "PPS2", scale(m, 2e-8, 5e-5));

	add_fault(coin(m) ? a : b, FAULT_OFFSET, between(m, 300, 1500), between(m, 100, 3000),
		sign(m) * scale(m, 1e-3, 0.1));
	m->s->synchronised_ends = true;
}

/* Two that never agree, and nothing to tell by. */
static void make_tie(struct maker *m)
{
	add_pulses(m, "PPS", scale(m, 2e-8, 1e-5));
	add_fault(add_pulses(m, "PPS2", scale(m, 2e-8, 1e-5)), FAULT_OFFSET, 0, 1e9,
		sign(m) * scale(m, 1e-3, 0.1));
	add_nmea(m)->options.noselect = true;
	m->s->unsynchronised_ends = true;
}

static void make_majority(struct maker *m)
{
	usual(m);
	add_pulses(m, "PPS2", scale(m, 2e-8, 1e-5));
	add_fault(add_pulses(m, "PPS3", scale(m, 2e-8, 1e-5)), FAULT_OFFSET, 0, 1e9,
		sign(m) * scale(m, 1e-3, 0.1));
	m->s->synchronised_ends = true;
}

/* Faster than the oscillator can turn: the noise hides slower ones. */
static void make_ramp(struct maker *m)
{
	struct reference *r = usual(m);
	double least = sqrt(2 * m->s->options.max_wander * 1e-6 * 60 * r->noise);

	if (coin(m))
		add_system(m);
	add_fault(r, FAULT_RAMP, between(m, 600, 1500), between(m, 20, 600),
		sign(m) * scale(m, 10 * least, 1e-2));
}

/* One receiver lies, the network does not: with it the lie is seen however long it lasts. */
static void make_spoof(struct maker *m)
{
	struct reference *r = usual(m);

	add_system(m);
	m->s->reference[1].options.noselect = true;
	m->s->options.crosscheck_counts = coin(m);
	add_fault(r, FAULT_OFFSET, between(m, 600, 1500), 1e9, sign(m) * 0.15);
	m->s->unsynchronised_ends = m->s->options.crosscheck_counts;
}

static void make_suspend(struct maker *m)
{
	usual(m);
	m->s->suspend = between(m, 200, 1500);
	m->s->suspended = scale(m, 6, 7200);
	m->s->seconds = m->s->suspend + m->s->suspended + 1200;
	m->s->synchronised_ends = true;
}

static void make_kernel_step(struct maker *m)
{
	usual(m);
	add_fault(add_system(m), FAULT_OFFSET, between(m, 300, 1500), between(m, 50, 2000),
		sign(m) * scale(m, 0.2, 1000));
	m->s->synchronised_ends = true;
}

static void make_outage(struct maker *m)
{
	struct reference *r = usual(m);
	double from = between(m, 1200, 7200);

	m->s->seconds = from + 3600 * between(m, 1, 3);
	add_fault(r, FAULT_SILENT, from, coin(m) ? 1e9 : 3600, 0);
	add_fault(&m->s->reference[1], FAULT_SILENT, from, 1e9, 0);
}

/* Doors are opened before and after the sources have gone. */
static void make_outage_draught(struct maker *m)
{
	make_outage(m);
	for (int i = 0; i < OSCILLATOR_STEPS; i++)
		add_temperature_step(m, between(m, 300, m->s->seconds));
}

static void make_outage_early(struct maker *m)
{
	struct reference *r = usual(m);
	double from = between(m, 20, 300);

	add_fault(r, FAULT_SILENT, from, 1e9, 0);
	add_fault(&m->s->reference[1], FAULT_SILENT, from, 1e9, 0);
}

/* Pulses whose seconds the kernel clock numbers. */
static void make_system_pulses(struct maker *m)
{
	struct reference *r = add_pulses(m, "PPS", scale(m, 2e-8, 5e-5));

	memset(r->options.lock, 0, SOURCE_REFID);
	add_system(m);
	add_fault(r, FAULT_SILENT, between(m, 600, 2000), 600, 0);
	m->s->synchronised_ends = true;
}

static void make_system(struct maker *m)
{
	add_system(m);
	m->s->synchronised_ends = true;
}

/* A long-wave receiver: a telegram a minute. */
static void make_radio(struct maker *m)
{
	struct reference *r = add(m, SOURCE_DCF77, "DCFa");

	r->interval = 60;
	r->options.poll = r->options.dpoll = 6;
	r->noise = scale(m, 1e-5, 3e-3);
	r->options.precision = r->noise;
	r->options.delay = 0.02;
	r->bias = between(m, -0.009, 0.009);
	m->s->seconds = 4 * 3600;
}

/* Without a fix a receiver sends the date that its battery kept. */
static void make_unsure(struct maker *m)
{
	struct reference *r = usual(m);
	double by = sign(m) * scale(m, 1, 1e8);

	add_fault(&m->s->reference[1], FAULT_UNSURE, 0, between(m, 10, 300), by);
	add_fault(&m->s->reference[1], FAULT_UNSURE, 1000, 500, by);
	add_fault(r, FAULT_UNSURE, 1000, 500, 0);
	m->s->synchronised_ends = true;
}

struct kind {
	const char *name;
	void (*make)(struct maker *m);
};

static const struct kind kinds[SCENARIO_KINDS] = {
	{"reference", make_reference},
	{"quiet", make_quiet},
	{"crystal", make_crystal},
	{"draught", make_draught},
	{"ageing", make_ageing},
	{"noisy", make_noisy},
	{"bias", make_bias},
	{"spikes", make_spikes},
	{"sawtooth", make_sawtooth},
	{"doubled", make_doubled},
	{"missing", make_missing},
	{"off-second", make_off_second},
	{"wrong-second", make_wrong_second},
	{"wrong-leap", make_wrong_leap},
	{"wrong-week", make_wrong_week},
	{"half-second", make_half_second},
	{"phc", make_phc},
	{"wrong-phc", make_wrong_phc},
	{"two", make_two},
	{"tie", make_tie},
	{"majority", make_majority},
	{"ramp", make_ramp},
	{"spoof", make_spoof},
	{"suspend", make_suspend},
	{"kernel-step", make_kernel_step},
	{"outage", make_outage},
	{"outage-draught", make_outage_draught},
	{"outage-early", make_outage_early},
	{"system", make_system},
	{"system-pulses", make_system_pulses},
	{"radio", make_radio},
	{"unsure", make_unsure},
	{"constant", make_constant},
	{"hourly", make_hourly},
};

const char *scenario_name(unsigned kind)
{
	return kinds[kind % SCENARIO_KINDS].name;
}

void scenario_make(struct scenario *s, unsigned kind, uint64_t seed, double hours)
{
	struct maker m = {s, seed * UINT64_C(0x9e3779b97f4a7c15) + kind};
	const double hz[] = {1e9, 2.6e9, 24e6};

	*s = (struct scenario){.name = scenario_name(kind), .seed = random_next(&m.seed), .seconds = 3600};
	s->hz = hz[noise_below(&m.seed, 3)];
	s->tick = scale(&m, 0.1, 0.8);
	discipline_options_init(&s->options);
	s->options.nominal_hz = s->hz;
	choose_start(&m);
	choose_oscillator(&m);
	kinds[kind % SCENARIO_KINDS].make(&m);
	if (coin(&m)) {
		s->options.drift_ppm = s->oscillator.offset * 1e6 + between(&m, -2, 2);
		s->options.drift_skew_ppm = 5;
	}
	if (hours > 0)
		s->seconds = hours * 3600;
}
