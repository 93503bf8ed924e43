#include "refclock/select.h"

#include <math.h>
#include <stdlib.h>

enum { EDGES_MAX = 2 * SOURCES_MAX };

/* An end of an interval: +1 where it begins. */
struct edge {
	double at;
	int turn;
};

/* By place; where two meet, what begins comes first: intervals that touch agree. */
static int compare(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->at != y->at ? (x->at > y->at) - (x->at < y->at) : y->turn - x->turn;
}

static bool votes(const struct candidate *c, bool trusted_only)
{
	return c->usable && (c->trust || !trusted_only);
}

/* The stretch that most intervals have in common; how many that is, and of how many voters. */
static int common(const struct candidate *c, int n, bool trusted_only, double *low, double *high, int *voters)
{
	struct edge edge[EDGES_MAX];
	int edges = 0, depth = 0, best = 0;

	for (int i = 0; i < n; i++) {
		if (!votes(&c[i], trusted_only))
			continue;
		edge[edges++] = (struct edge){c[i].offset - c[i].error, 1};
		edge[edges++] = (struct edge){c[i].offset + c[i].error, -1};
	}
	*voters = edges / 2;
	qsort(edge, (size_t)edges, sizeof(edge[0]), compare);
	for (int i = 0; i < edges; i++) {
		depth += edge[i].turn;
		if (edge[i].turn > 0 && depth > best) {
			best = depth;
			*low = edge[i].at;
			*high = edge[i + 1].at; /* the deepest place ends where the next edge is */
		}
	}
	return best;
}

static bool any_trusted(const struct candidate *c, int n)
{
	for (int i = 0; i < n; i++)
		if (c[i].usable && c[i].trust)
			return true;
	return false;
}

static int clear(struct candidate *c, int n)
{
	for (int i = 0; i < n; i++)
		c[i].truechimer = false;
	return 0;
}

int select_truechimers(struct candidate *c, int n, int least)
{
	double low = 0, high = 0;
	int voters, agree = 0;
	bool require = false, required = false;

	clear(c, n);
	if (common(c, n, any_trusted(c, n), &low, &high, &voters) * 2 <= voters)
		return 0;
	for (int i = 0; i < n; i++) {
		c[i].truechimer =
			c[i].usable && c[i].offset - c[i].error <= high && c[i].offset + c[i].error >= low;
		agree += c[i].truechimer;
		require |= c[i].require;
		required |= c[i].require && c[i].truechimer;
	}
	return agree < least || (require && !required) ? clear(c, n) : agree;
}

int select_best(const struct candidate *c, int n, int current)
{
	int best = -1;

	for (int i = 0; i < n; i++) {
		if (!c[i].truechimer)
			continue;
		if (best < 0 || (c[i].prefer && !c[best].prefer) ||
			(c[i].prefer == c[best].prefer && c[i].error < c[best].error))
			best = i;
	}
	if (best >= 0 && current >= 0 && current < n && c[current].truechimer &&
		c[current].prefer == c[best].prefer && c[best].error > c[current].error / 2)
		return current;
	return best;
}
