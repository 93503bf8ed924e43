#include "control/metrics_page.h"

static void daemons(struct metrics_out *out, const struct instance *instance)
{
	const uint32_t count = instance->daemons < INSTANCE_DAEMONS ? instance->daemons : INSTANCE_DAEMONS;

	metrics_family(out, METRICS_GAUGE, "daemon_up", "1 while the process runs.");
	for (uint32_t i = 0; i < count; i++)
		metrics_whole(out, instance->daemon[i].pid != 0,
			&METRICS_TEXT("daemon", instance->daemon[i].name), 1);
	metrics_family(out, METRICS_GAUGE, "daemon_uptime_seconds", "Time since the process was started.");
	for (uint32_t i = 0; i < count; i++)
		metrics_real(out, instance->daemon[i].uptime,
			&METRICS_TEXT("daemon", instance->daemon[i].name), 1);
	metrics_family(out, METRICS_COUNTER, "daemon_restarts_total",
		"How often the supervisor has started the process again.");
	for (uint32_t i = 0; i < count; i++)
		metrics_whole(out, instance->daemon[i].restarts,
			&METRICS_TEXT("daemon", instance->daemon[i].name), 1);
}

void metrics_page(struct metrics_out *out, const struct metrics_view *view)
{
	metrics_family(out, METRICS_GAUGE, "build_info", "The version that runs; the value is always 1.");
	if (view->version)
		metrics_whole(out, 1, &METRICS_WORD("version", view->version), 1);
	if (view->instance) {
		metrics_gauge(out, "ready", "1 while NTP requests are taken: all workers poll.",
			view->instance->ready);
		daemons(out, view->instance);
	}
	metrics_clock(out, view);
	if (view->sources)
		metrics_sources(out, view->sources, view->sources_age);
	if (view->counters)
		metrics_traffic(out, view->counters, view);
	if (view->instance && view->instance->nts.on)
		metrics_nts(out, &view->instance->nts, view->counters);
}
