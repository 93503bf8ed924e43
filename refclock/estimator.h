/*
 * The oscillator: phase, rate and drift of true time against a frame, by a bank of Kalman filters. All see
 * the same samples and differ in how restless they think the oscillator is; each is believed by how well it
 * has foretold the samples of late (Magill 1965), so that a quiet oscillator is averaged over long and one
 * that turns is followed at once. Pure, one thread per struct. Times are seconds.
 */
#ifndef REFCLOCK_ESTIMATOR_H
#define REFCLOCK_ESTIMATOR_H

#include <stdbool.h>

enum { ESTIMATOR_RATES = 3, ESTIMATOR_DRIFTS = 8, ESTIMATOR_MODELS = ESTIMATOR_RATES * ESTIMATOR_DRIFTS };

/* What is believed, and its covariance (upper triangle). */
struct belief {
	double phase, rate, drift; /* s, s/s, 1/s */
	double pp, pr, pd, rr, rd, dd;
};

/* Spectral densities of the noise that moves the oscillator. */
struct restlessness {
	double phase, rate, drift;
};

struct estimator_model {
	struct belief belief;
	struct restlessness noise;
	double score;  /* logarithm of the likelihood, of late */
	double chance; /* that it is the right one; all together 1 */
	double weight; /* in the mean; likewise */
};

/* What models think together. */
struct outlook {
	struct belief belief;
	struct restlessness noise;
	struct belief glimpsed; /* `belief`, and the samples that have been noticed since */
};

struct estimator {
	struct estimator_model model[ESTIMATOR_MODELS];
	struct belief belief;  /* the mean of `likely`, and how far all models think that off */
	struct outlook likely; /* by weight */
	struct outlook all;    /* by chance */
	double glimpsed_at;    /* s after the estimator's instant: the newest sample noticed */
	unsigned updates;
	bool surprised; /* the sample before was one that no model explains */
};

/* What is to be expected at an instant. */
struct estimate {
	double phase, rate, drift;
	double phase_sigma, rate_sigma; /* standard deviations */
};

/* Phase 0. The sigmas say how far phase and rate may be off. */
void estimator_init(struct estimator *e, double phase_sigma, double rate, double rate_sigma);

/* Go on by dt >= 0 seconds. */
void estimator_advance(struct estimator *e, double dt);

/* Take in that true time is `offset` ahead of the frame, give or take `sigma`, at the instant advanced to.
 * False, and nothing taken in, for the first of two or more that no model explains. */
bool estimator_update(struct estimator *e, double offset, double sigma);

/*
 * A sample `t` seconds after the instant advanced to, which will be weighed with others later: until then it
 * moves what estimator_glimpse says, by no more than a sample that is three standard deviations off would.
 * estimator_advance and estimator_forget end that.
 */
void estimator_notice(struct estimator *e, double t, double offset, double sigma);
void estimator_forget(struct estimator *e);

/* The frame has moved by so much. */
void estimator_shift(struct estimator *e, double phase);

/* Phase and rate may be off by so much more, as when another source takes over. */
void estimator_loosen(struct estimator *e, double phase_sigma, double rate_sigma);

/* dt seconds after the instant advanced to. Process noise is that of `noisy` seconds at most: what comes
 * after is refclock/stability.h's. */
void estimator_predict(const struct estimator *e, double dt, double noisy, struct estimate *estimate);

/* The same, with the samples that were noticed. */
void estimator_glimpse(const struct estimator *e, double dt, double noisy, struct estimate *estimate);

#endif
