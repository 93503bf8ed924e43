#include "control/instance_gather.h"

#include <stdio.h>
#include <string.h>

#include "control/monotonic.h"
#include "control/status_nts.h"

#define COPY(array, text) snprintf(array, sizeof(array), "%s", text)

static void add_daemon(struct instance *instance, const struct daemon *d)
{
	struct instance_daemon *to = &instance->daemon[instance->daemons++];

	COPY(to->name, d->name);
	to->pid = d->pid;
	to->restarts = d->restarts;
	to->uptime = d->pid ? (double)(monotonic_ms() - d->started_ms) / 1e3 : 0;
}

static void add_paths(struct instance *instance, const struct ports *ports)
{
	for (unsigned i = 0; i < ports->count && i < CONFIG_INTERFACES; i++) {
		const struct port_side *side = &ports->side[i];
		struct instance_path *to = &instance->path[instance->paths];

		if (!side->kernel_name[0])
			continue;
		COPY(to->interface, side->kernel_name);
		to->redirected = side->counts.redirected;
		to->no_socket = side->counts.no_socket;
		to->dropped = side->counts.dropped;
		instance->paths++;
	}
}

void instance_gather(struct instance *instance, struct supervisor *s)
{
	json_t *status = status_nts_json(&s->nts);

	memset(instance, 0, sizeof(*instance));
	instance->ready = s->connected && supervisor_dataplane_polls(s);
	instance->rung = (uint8_t)s->health.now.rung;
	COPY(instance->reason, s->health.now.reason);
	instance->health_file_failed = s->health.file_failed;
	add_daemon(instance, &s->clock);
	add_daemon(instance, &s->dataplane);
	if (s->nts.on)
		add_daemon(instance, &s->nts.ke);
	if (s->metrics.daemon.name)
		add_daemon(instance, &s->metrics.daemon);
	add_paths(instance, &s->ports);
	instance_gather_nts(&instance->nts, status);
	json_decref(status);
}
