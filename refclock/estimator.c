#include "refclock/estimator.h"

#include <math.h>

/* White FM in s/sqrt(s), random-walk FM in 1/sqrt(s), random-walk drift in 1/s/sqrt(s): from an oven to a
 * crystal in a draught. */
static const double white = 3e-10;
static const double rates[ESTIMATOR_RATES] = {1e-12, 3e-11, 1e-9};
static const double drifts[ESTIMATOR_DRIFTS] = {1e-15, 1e-13, 1e-12, 3e-12, 1e-11, 3e-11, 1e-10, 3e-10};
/* Seconds after which a drift has died away: temperatures come to rest. */
static const double persistence = 1000;
/* 1/s: a drift that is nothing unusual, 0.7 ppm in an hour. */
static const double trend = 2e-10;
/* What a model is believed less before there are samples, per step of its index: few samples hardly tell a
 * line from a bend, and the line is known better. Logarithms, as the score. */
static const double rates_handicap = 1.5, drifts_handicap = 0.4;
/* How much of the score stays from one sample to the next. That a quiet model foretells a little better shows
 * only over hundreds of samples. */
static const double memory = 0.998;
/* A model that is more restless than the one believed most does not fall behind it by more than this: however
 * long the oscillator was quiet, some samples are enough to see it turn. */
static const double most_behind = 3;
/* A model that is believed less than this is made to think what all think together. */
static const double hopeless = 1e-6;
/* A sample farther off than so many standard deviations of every model is a surprise. */
static const double surprise = 6;

static double square(double x)
{
	return x * x;
}

static int rate_of(int model)
{
	return model / ESTIMATOR_DRIFTS;
}

static int drift_of(int model)
{
	return model % ESTIMATOR_DRIFTS;
}

/* From the scores, which become differences from the best one. */
static void weigh(struct estimator *e)
{
	double best = -INFINITY, sum = 0;
	int first = 0;

	for (int i = 0; i < ESTIMATOR_MODELS; i++)
		best = fmax(best, e->model[i].score);
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		struct estimator_model *m = &e->model[i];

		m->score -= best;
		m->weight = exp(m->score - rates_handicap * rate_of(i) - drifts_handicap * drift_of(i));
		sum += m->weight;
		if (m->weight > e->model[first].weight)
			first = i;
	}
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		struct estimator_model *m = &e->model[i];

		m->weight /= sum;
		if (rate_of(i) >= rate_of(first) && drift_of(i) >= drift_of(first))
			m->score = fmax(m->score, -most_behind);
	}
}

/* Variance of the drift before there are samples. The quietest take it to be none: they fit a line, the
 * others a bend. */
static double usual_drift(int model)
{
	return square(drifts[drift_of(model)]) * persistence / 2 + (drift_of(model) > 0 ? square(trend) : 0);
}

/* Let a model believe of phase and rate what all together do, and of the drift no more than is usual. A quiet
 * one that took over their doubts about the drift would go on to fit a bend. */
static void start_model(struct estimator *e, int model)
{
	struct belief *b = &e->model[model].belief;
	const double usual = usual_drift(model);

	*b = e->belief;
	if (b->dd <= usual)
		return;
	b->drift = b->pd = b->rd = 0;
	b->dd = usual;
}

void estimator_init(struct estimator *e, double phase_sigma, double rate, double rate_sigma)
{
	*e = (struct estimator){.belief = {.rate = rate,
					.pp = square(phase_sigma),
					.rr = square(rate_sigma),
					.dd = square(1e-9)}};
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		e->model[i].noise = (struct restlessness){
			square(white), square(rates[rate_of(i)]), square(drifts[drift_of(i)])};
		start_model(e, i);
	}
	weigh(e);
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

/* The state's transition in t seconds: {1 t b; 0 1 a; 0 0 c}. */
struct transition {
	double t, a, b, c;
};

static struct transition transition_in(double t)
{
	double c = exp(-t / persistence), a = persistence * (1 - c);

	return (struct transition){t, a, persistence * (t - a), c};
}

static void move(struct belief *x, const struct transition *by)
{
	double t = by->t, a = by->a, b = by->b, c = by->c;
	double pp = x->pp + 2 * t * x->pr + 2 * b * x->pd + t * t * x->rr + 2 * t * b * x->rd + b * b * x->dd;
	double pr = x->pr + a * x->pd + t * x->rr + (t * a + b) * x->rd + a * b * x->dd;
	double pd = x->pd + t * x->rd + b * x->dd;
	double rd = x->rd + a * x->dd, rr = x->rr + 2 * a * x->rd + a * a * x->dd;

	x->phase += x->rate * t + x->drift * b;
	x->rate += x->drift * a;
	x->drift *= c;
	/* Rounding can leave less of a variance than the covariances need. */
	x->rr = fmax(rr, rd * rd / x->dd);
	x->pp = fmax(pp, fmax(pr * pr / x->rr, pd * pd / x->dd));
	x->pr = pr;
	x->pd = c * pd;
	x->rd = c * rd;
	x->dd *= c * c;
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
	const struct transition by = transition_in(dt);

	if (!(dt > 0))
		return;
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		move(&e->model[i].belief, &by);
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

/* What is left of the variances of rate and drift is `left` of them at least, whatever rounding makes of a
 * difference between two that are many orders larger. */
static void correct(struct belief *b, double v, double variance)
{
	double s = b->pp + variance, left = variance / s;
	double kp = b->pp / s, kr = b->pr / s, kd = b->pd / s;

	b->phase += kp * v;
	b->rate += kr * v;
	b->drift += kd * v;
	b->rr = fmax(b->rr - kr * b->pr, b->rr * left);
	b->rd -= kr * b->pd;
	b->dd = fmax(b->dd - kd * b->pd, b->dd * left);
	b->pp *= left;
	b->pr *= left;
	b->pd *= left;
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
	struct transition by;

	if (!(dt > 0))
		return;
	by = transition_in(dt);
	move(&e->glimpsed, &by);
	diffuse(&e->glimpsed, &e->noise, dt);
	e->glimpsed_at = t;
	most = 3 * sqrt(e->glimpsed.pp + variance);
	v = offset - e->glimpsed.phase;
	correct(&e->glimpsed, fmin(fmax(v, -most), most), variance);
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
			start_model(e, i);
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
		const struct transition by = transition_in(dt);

		move(&b, &by);
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
