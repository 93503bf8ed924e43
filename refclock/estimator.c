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
/* The mean takes a drift for that much less likely again. Where the oscillator turns, the quiet are believed
 * for some samples more, which costs little; the variance must not, so it does not share that belief. */
static const double bend_handicap = 2;
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
	double best = -INFINITY, sum = 0, weights = 0;
	int first = 0;

	for (int i = 0; i < ESTIMATOR_MODELS; i++)
		best = fmax(best, e->model[i].score);
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		struct estimator_model *m = &e->model[i];

		m->score -= best;
		m->chance = exp(m->score - rates_handicap * rate_of(i) - drifts_handicap * drift_of(i));
		m->weight = drift_of(i) > 0 ? m->chance * exp(-bend_handicap) : m->chance;
		sum += m->chance;
		weights += m->weight;
		if (m->chance > e->model[first].chance)
			first = i;
	}
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		struct estimator_model *m = &e->model[i];

		m->chance /= sum;
		m->weight /= weights;
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
	e->likely = e->all = (struct outlook){
		.belief = e->belief, .noise = e->model[ESTIMATOR_MODELS / 2].noise, .glimpsed = e->belief};
}

void estimator_forget(struct estimator *e)
{
	e->likely.glimpsed = e->likely.belief;
	e->all.glimpsed = e->all.belief;
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

static double share_of(const struct estimator_model *m, bool likely)
{
	return likely ? m->weight : m->chance;
}

/* `w` times the square of what `from` differs by. */
static void scatter(struct belief *b, const struct belief *from, double w)
{
	double p = from->phase - b->phase, r = from->rate - b->rate, d = from->drift - b->drift;

	b->pp += w * p * p;
	b->pr += w * p * r;
	b->pd += w * p * d;
	b->rr += w * r * r;
	b->rd += w * r * d;
	b->dd += w * d * d;
}

static void pool_noise(const struct estimator *e, bool likely, struct restlessness *n)
{
	*n = (struct restlessness){0};
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		double w = share_of(&e->model[i], likely);

		n->phase += w * e->model[i].noise.phase;
		n->rate += w * e->model[i].noise.rate;
		n->drift += w * e->model[i].noise.drift;
	}
}

/* The weighted mean of what the models think, their variances, and what they disagree by. */
static void pool_belief(const struct estimator *e, bool likely, struct belief *all)
{
	struct belief m = {0};

	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		const struct belief *b = &e->model[i].belief;
		double w = share_of(&e->model[i], likely);

		m.phase += w * b->phase;
		m.rate += w * b->rate;
		m.drift += w * b->drift;
		m.pp += w * b->pp;
		m.pr += w * b->pr;
		m.pd += w * b->pd;
		m.rr += w * b->rr;
		m.rd += w * b->rd;
		m.dd += w * b->dd;
	}
	for (int i = 0; i < ESTIMATOR_MODELS; i++)
		scatter(&m, &e->model[i].belief, share_of(&e->model[i], likely));
	*all = m;
}

/* The mean of the likely, and how far all think that off. */
static struct belief weigh_up(const struct belief *likely, const struct belief *all)
{
	struct belief b = *all;

	b.phase = likely->phase;
	b.rate = likely->rate;
	b.drift = likely->drift;
	scatter(&b, all, 1);
	return b;
}

static void pool(struct estimator *e)
{
	pool_belief(e, true, &e->likely.belief);
	pool_noise(e, true, &e->likely.noise);
	pool_belief(e, false, &e->all.belief);
	pool_noise(e, false, &e->all.noise);
	e->belief = weigh_up(&e->likely.belief, &e->all.belief);
	estimator_forget(e);
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

static void glimpse(struct outlook *o, const struct transition *by, double offset, double variance)
{
	double most, v;

	move(&o->glimpsed, by);
	diffuse(&o->glimpsed, &o->noise, by->t);
	most = 3 * sqrt(o->glimpsed.pp + variance);
	v = offset - o->glimpsed.phase;
	correct(&o->glimpsed, fmin(fmax(v, -most), most), variance);
}

void estimator_notice(struct estimator *e, double t, double offset, double sigma)
{
	double dt = t - e->glimpsed_at, variance = square(fmax(sigma, 1e-12));
	struct transition by;

	if (!(dt > 0))
		return;
	by = transition_in(dt);
	glimpse(&e->likely, &by, offset, variance);
	glimpse(&e->all, &by, offset, variance);
	e->glimpsed_at = t;
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
		if (e->model[i].chance < hopeless)
			start_model(e, i);
	e->updates++;
	return true;
}

static void shift(struct outlook *o, double phase)
{
	o->belief.phase -= phase;
	o->glimpsed.phase -= phase;
}

void estimator_shift(struct estimator *e, double phase)
{
	for (int i = 0; i < ESTIMATOR_MODELS; i++)
		e->model[i].belief.phase -= phase;
	e->belief.phase -= phase;
	shift(&e->likely, phase);
	shift(&e->all, phase);
}

void estimator_loosen(struct estimator *e, double phase_sigma, double rate_sigma)
{
	for (int i = 0; i < ESTIMATOR_MODELS; i++) {
		e->model[i].belief.pp += square(phase_sigma);
		e->model[i].belief.rr += square(rate_sigma);
	}
	pool(e);
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
	foretell(e->belief, &e->all.noise, dt, noisy, estimate);
}

void estimator_glimpse(const struct estimator *e, double dt, double noisy, struct estimate *estimate)
{
	foretell(weigh_up(&e->likely.glimpsed, &e->all.glimpsed), &e->all.noise, dt - e->glimpsed_at, noisy,
		estimate);
}
