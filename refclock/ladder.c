#include "refclock/ladder.h"

#include <math.h>
#include <stdio.h>

void ladder_init(struct ladder *ladder, const struct ladder_thresholds *thresholds)
{
	ladder->rung = thresholds->silent > 0 ? LADDER_SILENT : LADDER_UNSYNCHRONISED;
	snprintf(ladder->reason, sizeof(ladder->reason), "no source has given the time yet");
}

static double threshold_of(const struct ladder_thresholds *t, enum ladder_rung rung)
{
	return rung == LADDER_RAISED           ? t->raised
	       : rung == LADDER_UNSYNCHRONISED ? t->unsynchronised
					       : t->silent;
}

/* The lowest rung whose threshold the bound has passed. A rung that is held is left only well below it. */
static enum ladder_rung by_bound(const struct ladder *ladder, const struct ladder_thresholds *t, double bound)
{
	enum ladder_rung rung = LADDER_SERVING;

	for (enum ladder_rung i = LADDER_RAISED; i <= LADDER_SILENT; i++) {
		double threshold = threshold_of(t, i) * (i <= ladder->rung ? LADDER_HYSTERESIS : 1);

		if (threshold > 0 && !(bound <= threshold))
			rung = i;
	}
	return rung;
}

static enum ladder_rung judge(
	const struct ladder *ladder, const struct ladder_thresholds *t, const struct ladder_input *in)
{
	enum ladder_rung rung = by_bound(ladder, t, in->known ? in->bound : INFINITY);

	if (in->known && in->vouched && rung > LADDER_RAISED)
		rung = LADDER_RAISED;
	if ((!in->known || in->contradicted) && rung < LADDER_UNSYNCHRONISED)
		rung = LADDER_UNSYNCHRONISED;
	return rung;
}

static void explain(struct ladder *ladder, const struct ladder_thresholds *t, const struct ladder_input *in)
{
	double threshold = threshold_of(t, ladder->rung);

	/* What is on its way back up. */
	if (in->bound <= threshold)
		threshold *= LADDER_HYSTERESIS;
	if (!in->known)
		snprintf(ladder->reason, sizeof(ladder->reason), "%s", in->unknown);
	else if (in->contradicted && ladder->rung == LADDER_UNSYNCHRONISED)
		snprintf(ladder->reason, sizeof(ladder->reason),
			"the reference and the kernel clock's keeper disagree by more than both can err");
	else if (ladder->rung == LADDER_SERVING)
		snprintf(ladder->reason, sizeof(ladder->reason), "error at most %.3g s", in->bound);
	else if (in->holdover > 0)
		snprintf(ladder->reason, sizeof(ladder->reason),
			"error up to %.3g s, more than %.3g s, after %.0f s without a usable source",
			in->bound, threshold, in->holdover);
	else
		snprintf(ladder->reason, sizeof(ladder->reason), "error up to %.3g s, more than %.3g s",
			in->bound, threshold);
}

bool ladder_judge(
	struct ladder *ladder, const struct ladder_thresholds *thresholds, const struct ladder_input *input)
{
	enum ladder_rung rung = judge(ladder, thresholds, input);
	bool changed = rung != ladder->rung;

	ladder->rung = rung;
	explain(ladder, thresholds, input);
	return changed;
}
