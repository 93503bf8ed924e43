#include "control/daemon_arguments.h"

static const char *const seccomp[] = {"kill", "errno", "off"};

void daemon_arguments_clock(struct daemon *d, const struct config *c, const char *run_dir, bool verbose)
{
	daemon_init(d, "tickwire-clock");
	daemon_argument(d, "--run-dir=%s", run_dir);
	daemon_argument(d, "--refresh=%u", c->refresh_us);
	daemon_argument(d, "--holdover=%u", c->holdover_s);
	daemon_argument(d, "--seccomp=%s", seccomp[c->seccomp]);
	if (c->user[0])
		daemon_argument(d, "--user=%s", c->user);
	if (c->chrony_run_dir[0])
		daemon_argument(d, "--chrony-run-dir=%s", c->chrony_run_dir);
	if (c->local_stratum)
		daemon_argument(d, "--local-stratum=%u", c->local_stratum);
	if (verbose)
		daemon_argument(d, "--verbose");
}

void daemon_arguments_dataplane(struct daemon *d, const struct config *c, const char *run_dir, bool verbose)
{
	static const char *const choice[] = {"auto", "yes", "no"};
	static const char *const driver[] = {"auto", "af_xdp", "af_packet"};

	daemon_init(d, "tickwire-dataplane");
	daemon_argument(d, "--run-dir=%s", run_dir);
	daemon_argument(d, "--huge-pages=%s", choice[c->huge_pages]);
	if (c->idle == CONFIG_IDLE_POLL)
		daemon_argument(d, "--idle=poll");
	else
		daemon_argument(d, "--idle=%u", c->idle_after_us);
	if (c->seccomp != CONFIG_SECCOMP_KILL)
		daemon_argument(d, "--seccomp=%s", seccomp[c->seccomp]);
	if (c->user[0])
		daemon_argument(d, "--user=%s", c->user);
	if (c->workers[0])
		daemon_argument(d, "--workers=%s", c->workers);
	if (verbose)
		daemon_argument(d, "--verbose");
	for (unsigned i = 0; i < c->interfaces; i++) {
		daemon_argument(d, "--port=%s", c->interface[i].name);
		if (c->interface[i].queues)
			daemon_argument(d, "--queues=%u", c->interface[i].queues);
		daemon_argument(d, "--driver=%s", driver[c->interface[i].driver]);
		if (c->interface[i].tap[0])
			daemon_argument(d, "--tap=%s", c->interface[i].tap);
	}
}
