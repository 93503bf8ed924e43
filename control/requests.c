#include "control/requests.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control_socket.h"
#include "control/daemon_arguments.h"
#include "control/directive.h"
#include "dataplane/log.h"

struct reply {
	char *text;
	size_t used, size;
};

static void __attribute__((format(printf, 2, 3))) say(struct reply *r, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(r->text + r->used, r->size - r->used, format, ap);
	va_end(ap);
	if (n > 0)
		r->used = r->used + (size_t)n < r->size ? r->used + (size_t)n : r->size - 1;
}

/* A message of the configuration, to who asked and into the log: after SIGHUP nobody but the log hears it. */
static void say_message(void *opaque, const struct config_message *message)
{
	struct reply *r = opaque;
	char where[32] = "";

	if (message->line)
		snprintf(where, sizeof(where), "line %d: ", message->line);
	say(r, "%s: %s%s\n", message->error ? "error" : "warning", where, message->text);
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
}

/* A bad file leaves the running state alone. The last line of the reply is "reloaded" or "refused". */
static void reload(struct supervisor *s, struct reply *r)
{
	static struct config fresh;
	char restart[256], clock[256];

	if (!command_line_config(&s->line, &fresh, say_message, r)) {
		say(r, "%s: nothing was changed\nrefused\n", command_line_source(&s->line));
		log_error("reload: %s has errors, nothing was changed", command_line_source(&s->line));
		return;
	}
	config_restart_needed(&s->config, &fresh, restart, sizeof(restart));
	config_changed(&s->config, &fresh, APPLIED_BY_CLOCK_RESTART, clock, sizeof(clock));
	if (restart[0]) {
		say(r, "warning: only a restart of tickwire applies what has changed in: %s\n", restart);
		log_warning("reload: only a restart of tickwire applies what has changed in: %s", restart);
	}
	take_over(&s->config, &fresh);
	ports_refresh(&s->ports);
	/* Replies go on with the last line meanwhile; the new one is up in a fraction of a second. */
	if (clock[0] && daemon_arguments_clock(&s->clock, &s->config, s->dir.path, s->line.verbose)) {
		daemon_restart(&s->clock);
	} else if (clock[0]) {
		say(r, "error: %s\n", SUPERVISOR_NO_ROOM);
		log_error("%s", SUPERVISOR_NO_ROOM);
	}
	say(r, "reloaded\n");
	log_notice("%s reloaded", command_line_source(&s->line));
}

static json_t *daemon_json(const struct daemon *d)
{
	return json_pack("{s:s, s:i, s:i, s:f}", "name", d->name, "pid", (int)d->pid, "restarts",
		(int)d->restarts, "uptime", d->pid ? (double)(daemon_now_ms() - d->started_ms) / 1e3 : 0.0);
}

/* What only the supervisor knows, for `tickwire status`. */
static void say_state(struct supervisor *s, struct reply *r)
{
	json_t *state =
		json_pack("{s:b, s:[o, o], s:[]}", "ready", s->connected && supervisor_dataplane_polls(s),
			"daemons", daemon_json(&s->clock), daemon_json(&s->dataplane), "kernel");
	char *text;

	for (unsigned i = 0; i < s->ports.count; i++) {
		const struct kernel_path_counts *c = &s->ports.side[i].counts;

		json_array_append_new(json_object_get(state, "kernel"),
			json_pack("{s:I, s:I, s:I}", "redirected", (json_int_t)c->redirected, "no_socket",
				(json_int_t)c->no_socket, "dropped", (json_int_t)c->dropped));
	}
	text = json_dumps(state, JSON_COMPACT);
	if (text)
		say(r, "%s\n", text);
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
	else
		say(&reply, "error: no such request\n");
	control_reply(connection, buffer, reply.used);
}

void requests_reload(struct supervisor *s)
{
	static char buffer[CONTROL_REPLY_MAX];
	struct reply reply = {.text = buffer, .size = sizeof(buffer)};

	reload(s, &reply);
}
