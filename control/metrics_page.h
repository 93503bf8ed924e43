/*
 * The page that Prometheus reads: what is shared in the run directory, as text. Pure. Names and labels are
 * an interface that alert rules of operators depend on; docs/operator.md has them all.
 */
#ifndef CONTROL_METRICS_PAGE_H
#define CONTROL_METRICS_PAGE_H

#include "control/instance.h"
#include "control/metrics_out.h"
#include "dataplane/counters.h"
#include "refclock/sources.h"
#include "refclock/timebase.h"

/* More than the page of an instance can need that has as much of everything as there can be. */
enum { METRICS_PAGE_SIZE = 512 * 1024 };

/* Copies of one time; any of them is NULL where there is none. */
struct metrics_view {
	const char *version;
	const struct timebase *timebase;
	uint64_t now; /* the timebase's counter */
	const struct sources *sources;
	double sources_age; /* s since they were written */
	const struct counters *counters;
	const struct instance *instance;
};

/* All of it. */
void metrics_page(struct metrics_out *out, const struct metrics_view *view);

/* Its parts, each in a file of its own. */
void metrics_clock(struct metrics_out *out, const struct metrics_view *view);
void metrics_sources(struct metrics_out *out, const struct sources *sources, double age);
void metrics_traffic(
	struct metrics_out *out, const struct counters *counters, const struct metrics_view *view);
void metrics_nts(struct metrics_out *out, const struct instance_nts *nts, const struct counters *counters);

#endif
