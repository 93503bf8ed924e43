#include "control/requests.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control_socket.h"
#include "control/daemon_arguments.h"
#include "control/directive.h"
#include "control/monotonic.h"
#include "control/reply.h"
#include "control/requests_drill.h"
#include "control/requests_keys.h"
#include "control/status_nts.h"
#include "dataplane/log.h"

/* A message of the configuration, to who asked and into the log: after SIGHUP nobody but the log hears it. */
static void say_message(void *opaque, const struct config_message *message)
{
	struct reply *r = opaque;
	char where[32] = "";

	if (message->line)
		snprintf(where, sizeof(where), "line %d: ", message->line);
	reply_say(r, "%s: %s%s\n", message->error ? "error" : "warning", where, message->text);
	log_line(message->error ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "reload: %s%s", where, message->text);
}

/* What applies without a restart of tickwire: the directives "applied by" reload and clock restart. */
static void take_over(struct config *config, const struct config *fresh)
{
	config->bind_addresses = fresh->bind_addresses;
	memcpy(config->bind_address, fresh->bind_address, sizeof(fresh->bind_address));
	config->port = fresh->port;
	config->min_poll = fresh->min_poll;
	config->local_stratum = fresh->local_stratum;
	config->refresh_us = fresh->refresh_us;
	config->holdover_s = fresh->holdover_s;
	memcpy(config->chrony_run_dir, fresh->chrony_run_dir, sizeof(fresh->chrony_run_dir));
	config->nts = fresh->nts;
	memcpy(&config->clock, &fresh->clock, sizeof(fresh->clock));
	config->metrics = fresh->metrics;
}

/* The arguments of tickwire-ke say all that it cannot take over while it runs. */
static void reload_nts(struct supervisor *s, struct reply *r)
{
	static struct daemon before;
	struct daemon *ke = &s->nts.ke;

	before = *ke;
	nts_apply(&s->nts);
	if (!daemon_arguments_ke(ke, &s->config, s->dir.path, s->line.verbose)) {
		reply_say(r, "error: %s\n", SUPERVISOR_NO_ROOM);
		log_error("%s", SUPERVISOR_NO_ROOM);
	} else if (s->nts.on && (ke->used != before.used || memcmp(ke->text, before.text, ke->used) != 0)) {
		/* One that could not run as it was told before is not waited for either. */
		daemon_restart(ke);
	}
}

/* A bad file leaves the running state alone. The last line of the reply is "reloaded" or "refused". */
static void reload(struct supervisor *s, struct reply *r)
{
	static struct config fresh;
	char restart[256], clock[256], text[512];

	if (!command_line_config(&s->line, &fresh, say_message, r)) {
		reply_say(r, "%s: nothing was changed\nrefused\n", command_line_source(&s->line));
		log_error("reload: %s has errors, nothing was changed", command_line_source(&s->line));
		return;
	}
	if (!leap_file_is_usable(&fresh.clock, text, sizeof(text)) ||
		!nts_prepare(&s->nts, &fresh, text, sizeof(text))) {
		reply_say(r, "error: %s\n%s: nothing was changed\nrefused\n", text,
			command_line_source(&s->line));
		log_error("reload: %s; nothing was changed", text);
		return;
	}
	config_restart_needed(&s->config, &fresh, restart, sizeof(restart));
	config_changed(&s->config, &fresh, APPLIED_BY_CLOCK_RESTART, clock, sizeof(clock));
	if (restart[0]) {
		reply_say(
			r, "warning: only a restart of tickwire applies what has changed in: %s\n", restart);
		log_warning("reload: only a restart of tickwire applies what has changed in: %s", restart);
	}
	take_over(&s->config, &fresh);
	ports_refresh(&s->ports);
	reload_nts(s, r);
	/* Replies go on with the last line meanwhile; the new one is up in a fraction of a second. */
	if (clock[0] && daemon_arguments_clock(&s->clock, &s->config, s->dir.path, s->line.verbose)) {
		daemon_restart(&s->clock);
	} else if (clock[0]) {
		reply_say(r, "error: %s\n", SUPERVISOR_NO_ROOM);
		log_error("%s", SUPERVISOR_NO_ROOM);
	}
	reply_say(r, "reloaded\n");
	log_notice("%s reloaded", command_line_source(&s->line));
}

static json_t *daemon_json(const struct daemon *d)
{
	return json_pack("{s:s, s:i, s:i, s:f}", "name", d->name, "pid", (int)d->pid, "restarts",
		(int)d->restarts, "uptime", d->pid ? (double)(monotonic_ms() - d->started_ms) / 1e3 : 0.0);
}

/* What only the supervisor knows, for `tickwire status`. */
static void say_state(struct supervisor *s, struct reply *r)
{
	json_t *state;
	char *text;

	nts_refresh_status(&s->nts);
	state = json_pack("{s:b, s:[o], s:[], s:o}", "ready", s->connected && supervisor_dataplane_polls(s),
		"daemons", daemon_json(&s->clock), "kernel", "nts", status_nts_json(&s->nts));
	if (s->nts.on)
		json_array_append_new(json_object_get(state, "daemons"), daemon_json(&s->nts.ke));
	json_array_append_new(json_object_get(state, "daemons"), daemon_json(&s->dataplane));
	if (s->metrics.daemon.pid)
		json_array_append_new(json_object_get(state, "daemons"), daemon_json(&s->metrics.daemon));

	for (unsigned i = 0; i < s->ports.count; i++) {
		const struct kernel_path_counts *c = &s->ports.side[i].counts;

		json_array_append_new(json_object_get(state, "kernel"),
			json_pack("{s:I, s:I, s:I}", "redirected", (json_int_t)c->redirected, "no_socket",
				(json_int_t)c->no_socket, "dropped", (json_int_t)c->dropped));
	}
	text = json_dumps(state, JSON_COMPACT);
	if (text)
		reply_say(r, "%s\n", text);
	free(text);
	json_decref(state);
}

void requests_serve(struct supervisor *s)
{
	static char buffer[CONTROL_REPLY_MAX];
	char request[CONTROL_REQUEST_MAX];
	struct reply reply = {.text = buffer, .size = sizeof(buffer)};
	int connection = control_accept(s->listener, request);

	if (connection < 0)
		return;
	if (strcmp(request, "reload") == 0)
		reload(s, &reply);
	else if (strcmp(request, "status") == 0)
		say_state(s, &reply);
	else if (strncmp(request, "keys ", 5) == 0)
		requests_keys(s, &reply, request + 5);
	else if (strncmp(request, "drill ", 6) == 0)
		requests_drill(s, &reply, request + 6);
	else
		reply_say(&reply, "error: no such request\n");
	control_reply(connection, buffer, reply.used);
	explicit_bzero(buffer, reply.used); /* there may be keys in it */
}

void requests_reload(struct supervisor *s)
{
	static char buffer[CONTROL_REPLY_MAX];
	struct reply reply = {.text = buffer, .size = sizeof(buffer)};

	reload(s, &reply);
}
