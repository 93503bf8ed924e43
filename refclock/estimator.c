#include "refclock/estimator.h"

#include <math.h>

/* White FM in s/sqrt(s), random-walk FM in 1/sqrt(s), random-walk drift in 1/s/sqrt(s): from an oven to a
 * crystal in a draught. */
static const double white = 3e-10;
static const double rates[ESTIMATOR_RATES] = {1e-12, 3e-11, 1e-9};
static const double drifts[ESTIMATOR_DRIFTS] = {1e-15, 1e-13, 1e-12, 3e-12, 1e-11, 3e-11, 1e-10, 3e-10};
/* Seconds after which a drift has died away: temperatures come to rest. */
static const double persistence = 1000;
/* How much of the score stays from one sample to the next. That a quiet model foretells a little better shows
 * only over hundreds of samples; but who is believed for long is too sure of itself when the oscillator
 * turns. */
static const double memory = 0.995;
/* A model that is believed less than this is made to think what all think together. */
static const double hopeless = 1e-6;
/* A sample farther off than so many standard deviations of every model is a surprise. */
static const double surprise = 6;

static double square(double x)
{
	return x * x;
}

void estimator_init(struct estimator *e, double phase_sigma, double rate, double rate_sigma)
{
	*e = (struct estimator){.belief = {.rate = rate,
					.pp = square(phase_sigma),
					.rr = square(rate_sigma),
					.dd = square(1e-9)}};
	for (int i = 0; i < ESTIMATOR_MODELS; i++)
		e->model[i] = (struct estimator_model){
			.belief = e->belief,
			.noise = {square(white), square(rates[i / ESTIMATOR_DRIFTS]),
				square(drifts[i % ESTIMATOR_DRIFTS])},
			.weight = 1.0 / ESTIMATOR_MODELS,
		};
	e->noise = e->model[ESTIMATOR_MODELS / 2].noise;
	estimator_forget(e);
}

void estimator_forget(struct estimator *e)
{
	e->glimpsed = e->belief;
	e->glimpsed_at = 0;
}

static void diffuse(struct belief *b, const struct restlessness *n, double t)
{
	double t2 = t * t, t3 = t2 * t;

	b->pp += n->phase * t + n->rate * t3 / 3 + n->drift * t3 * t2 / 20;
	b->pr += n->rate * t2 / 2 + n->drift * t2 * t2 / 8;
	b->pd += n->drift * t3 / 6;
	b->rr += n->rate * t + n->drift * t3 / 3;
	b->rd += n->drift * t2 / 2;
	b->dd += n->drift * t;
}

/* The state's transition is {1 t b; 0 1 a; 0 0 c}. */
static void move(struct belief *x, double t)
{
	double c = exp(-t / persistence), a = persistence * (1 - c), b = persistence * (t - a);
	double pp = x->pp + 2 * t * x->pr + 2 * b * x->pd + t * t * x->rr + 2 * t * b * x->rd + b * b * x->dd;
	double pr = x->pr + a * x->pd + t * x->rr + (t * a + b) * x->rd + a * b * x->dd;
	double pd = c * (x->pd + t * x->rd + b * x->dd);
	double rr = x->rr + 2 * a * x->rd + a * a * x->dd;

	x->phase += x->rate * t + x->drift * b;
	x->rate += x->drift * a;
	x->drift *= c;
	x->rd = c * (x->rd + a * x->dd);
	x->dd *= c * c;
	x->pp = pp;
	x->pr = pr;
	x->pd = pd;
	x->rr = rr;
}

/* What all models think, weighted, with what they disagree by. */
static void pool(struct estimator *e)
{
	struct belief m = {0};
	struct restlessness n = {0};

	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		const struct belief *b = &e->model[i].belief;
		double w = e->model[i].weight;

		m.phase += w * b->phase;
		m.rate += w * b->rate;
		m.drift += w * b->drift;
		n.phase += w * e->model[i].noise.phase;
		n.rate += w * e->model[i].noise.rate;
		n.drift += w * e->model[i].noise.drift;
	}
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		const struct belief *b = &e->model[i].belief;
		double w = e->model[i].weight;
		double p = b->phase - m.phase, r = b->rate - m.rate, d = b->drift - m.drift;

		m.pp += w * (b->pp + p * p);
		m.pr += w * (b->pr + p * r);
		m.pd += w * (b->pd + p * d);
		m.rr += w * (b->rr + r * r);
		m.rd += w * (b->rd + r * d);
		m.dd += w * (b->dd + d * d);
	}
	e->belief = m;
	e->noise = n;
}

void estimator_advance(struct estimator *e, double dt)
{
	if (!(dt > 0))
		return;
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		move(&e->model[i].belief, dt);
		diffuse(&e->model[i].belief, &e->model[i].noise, dt);
	}
	pool(e);
	estimator_forget(e);
}

/* Whether even the most restless model would not have thought of this. */
static bool is_surprise(const struct estimator *e, double offset, double variance)
{
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		const struct belief *b = &e->model[i].belief;

		if (square(offset - b->phase) <= square(surprise) * (b->pp + variance))
			return false;
	}
	return true;
}

static void correct(struct belief *b, double v, double variance)
{
	double s = b->pp + variance;
	double kp = b->pp / s, kr = b->pr / s, kd = b->pd / s;

	b->phase += kp * v;
	b->rate += kr * v;
	b->drift += kd * v;
	b->rr -= kr * b->pr;
	b->rd -= kr * b->pd;
	b->dd -= kd * b->pd;
	b->pp *= variance / s;
	b->pr *= variance / s;
	b->pd *= variance / s;
}

static void correct_model(struct estimator_model *m, double offset, double variance)
{
	double s = m->belief.pp + variance, v = offset - m->belief.phase;

	/* Nothing explains a surprise, so it must not settle who is believed for good. */
	m->score = memory * m->score - (fmin(v * v / s, square(surprise)) + log(s)) / 2;
	correct(&m->belief, v, variance);
}

void estimator_notice(struct estimator *e, double t, double offset, double sigma)
{
	double dt = t - e->glimpsed_at, variance = square(fmax(sigma, 1e-12)), most, v;

	if (!(dt > 0))
		return;
	move(&e->glimpsed, dt);
	diffuse(&e->glimpsed, &e->noise, dt);
	e->glimpsed_at = t;
	most = 3 * sqrt(e->glimpsed.pp + variance);
	v = offset - e->glimpsed.phase;
	correct(&e->glimpsed, fmin(fmax(v, -most), most), variance);
}

static void weigh(struct estimator *e)
{
	double best = -INFINITY, sum = 0;

	for (int i = 0; i < ESTIMATOR_MODELS; i++)
		best = fmax(best, e->model[i].score);
	for (int i = 0; i < ESTIMATOR_MODELS; i++)
		sum += e->model[i].weight = exp(e->model[i].score - best);
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		e->model[i].weight /= sum;
		e->model[i].score -= best;
	}
}

bool estimator_update(struct estimator *e, double offset, double sigma)
{
	double variance = square(fmax(sigma, 1e-12));
	bool surprised = is_surprise(e, offset, variance);

	if (surprised && !e->surprised) {
		e->surprised = true;
		return false;
	}
	e->surprised = surprised;
	for (int i = 0; i < ESTIMATOR_MODELS; i++)
		correct_model(&e->model[i], offset, variance);
	weigh(e);
	pool(e);
	for (int i = 0; i < ESTIMATOR_MODELS; i++)
		if (e->model[i].weight < hopeless)
			e->model[i].belief = e->belief;
	estimator_forget(e);
	e->updates++;
	return true;
}

void estimator_shift(struct estimator *e, double phase)
{
	for (int i = 0; i < ESTIMATOR_MODELS; i++)
		e->model[i].belief.phase -= phase;
	e->belief.phase -= phase;
	e->glimpsed.phase -= phase;
}

void estimator_loosen(struct estimator *e, double phase_sigma, double rate_sigma)
{
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		e->model[i].belief.pp += square(phase_sigma);
		e->model[i].belief.rr += square(rate_sigma);
	}
	pool(e);
	estimator_forget(e);
}

static void foretell(
	struct belief b, const struct restlessness *noise, double dt, double noisy, struct estimate *estimate)
{
	if (dt > 0) {
		move(&b, dt);
		diffuse(&b, noise, fmin(dt, noisy));
	} else {
		b.phase += b.rate * dt;
	}
	*estimate = (struct estimate){b.phase, b.rate, b.drift, sqrt(fmax(b.pp, 0)), sqrt(fmax(b.rr, 0))};
}

void estimator_predict(const struct estimator *e, double dt, double noisy, struct estimate *estimate)
{
	foretell(e->belief, &e->noise, dt, noisy, estimate);
}

void estimator_glimpse(const struct estimator *e, double dt, double noisy, struct estimate *estimate)
{
	foretell(e->glimpsed, &e->noise, dt - e->glimpsed_at, noisy, estimate);
}
