#include "control/daemon_arguments.h"

#include <arpa/inet.h>

#include "ntp/packet.h"

static bool add_seccomp(struct daemon *d, const struct config *c)
{
	static const char *const names[] = {[CONFIG_SECCOMP_KILL] = "kill",
		[CONFIG_SECCOMP_ERRNO] = "errno",
		[CONFIG_SECCOMP_OFF] = "off"};

	return c->seccomp == CONFIG_SECCOMP_DEFAULT || daemon_argument(d, "--seccomp=%s", names[c->seccomp]);
}

static bool add_directive(void *daemon, const char *line)
{
	return daemon_argument(daemon, "--directive=%s", line);
}

bool daemon_arguments_clock(struct daemon *d, const struct config *c, const char *run_dir, bool verbose)
{
	return daemon_init(d, "tickwire-clock") && daemon_argument(d, "--run-dir=%s", run_dir) &&
	       daemon_argument(d, "--refresh=%u", c->refresh_us) &&
	       daemon_argument(d, "--holdover=%u", c->holdover_s) && add_seccomp(d, c) &&
	       (!c->user[0] || daemon_argument(d, "--user=%s", c->user)) &&
	       (!c->chrony_run_dir[0] || daemon_argument(d, "--chrony-run-dir=%s", c->chrony_run_dir)) &&
	       (!c->local_stratum || daemon_argument(d, "--local-stratum=%u", c->local_stratum)) &&
	       (!verbose || daemon_argument(d, "--verbose")) &&
	       clock_settings_each(&c->clock, add_directive, d);
}

bool daemon_arguments_metrics(struct daemon *d, const struct config *c, const char *run_dir, bool verbose)
{
	return daemon_init(d, "tickwire-metrics") && daemon_argument(d, "--run-dir=%s", run_dir) &&
	       daemon_argument(d, "--listener=%d", DAEMON_PASSED) && add_seccomp(d, c) &&
	       (!c->user[0] || daemon_argument(d, "--user=%s", c->user)) &&
	       (!verbose || daemon_argument(d, "--verbose"));
}

static bool add_address(struct daemon *d, const struct config_address *a)
{
	char text[INET6_ADDRSTRLEN];

	return inet_ntop(a->ipv6 ? AF_INET6 : AF_INET, a->address + (a->ipv6 ? 0 : 12), text, sizeof(text)) &&
	       daemon_argument(d, "--address=%s", text);
}

bool daemon_arguments_ke(struct daemon *d, const struct config *c, const char *run_dir, bool verbose)
{
	const struct config_nts *nts = &c->nts;
	bool good = daemon_init(d, "tickwire-ke") && daemon_argument(d, "--run-dir=%s", run_dir) &&
		    daemon_argument(d, "--channel=%d", DAEMON_PASSED) && add_seccomp(d, c) &&
		    daemon_argument(d, "--threads=%u", nts->threads) &&
		    daemon_argument(d, "--connections=%u", nts->connections) &&
		    daemon_argument(d, "--rotate=%u", nts->rotate_s) &&
		    daemon_argument(d, "--aeads=%s", nts->gcm_siv ? "15,30" : "15");

	/* Without certificates the port is left to others: a chronyd on this host may establish the keys. */
	if (nts->certificates > 0)
		good = good && daemon_argument(d, "--port=%u", nts->port);
	if (nts->limited)
		good = good &&
		       daemon_argument(d, "--rate-limit=%d,%u,%u", nts->interval, nts->burst, nts->leak);
	if (nts->server[0])
		good = good && daemon_argument(d, "--ntp-server=%s", nts->server);
	if (c->port != NTP_PORT)
		good = good && daemon_argument(d, "--ntp-port=%u", c->port);
	if (c->user[0])
		good = good && daemon_argument(d, "--user=%s", c->user);
	if (verbose)
		good = good && daemon_argument(d, "--verbose");
	for (unsigned i = 0; i < c->bind_addresses && good; i++)
		good = add_address(d, &c->bind_address[i]);
	return good;
}

static bool add_idle(struct daemon *d, const struct config *c)
{
	return c->idle == CONFIG_IDLE_POLL ? daemon_argument(d, "--idle=poll")
					   : daemon_argument(d, "--idle=%u", c->idle_after_us);
}

static bool add_port(struct daemon *d, const struct config_interface *interface)
{
	static const char *const driver[] = {"auto", "af_xdp", "af_packet"};

	return daemon_argument(d, "--port=%s", interface->name) &&
	       (!interface->queues || daemon_argument(d, "--queues=%u", interface->queues)) &&
	       daemon_argument(d, "--driver=%s", driver[interface->driver]) &&
	       (!interface->tap[0] || daemon_argument(d, "--tap=%s", interface->tap));
}

bool daemon_arguments_dataplane(struct daemon *d, const struct config *c, const char *run_dir, bool verbose,
	const bool there[CONFIG_INTERFACES])
{
	static const char *const choice[] = {"auto", "yes", "no"};
	bool good = daemon_init(d, "tickwire-dataplane") && daemon_argument(d, "--run-dir=%s", run_dir) &&
		    daemon_argument(d, "--huge-pages=%s", choice[c->huge_pages]) && add_idle(d, c);

	good = good && add_seccomp(d, c);
	if (c->user[0])
		good = good && daemon_argument(d, "--user=%s", c->user);
	if (c->aead_backend != CONFIG_AEAD_AUTO)
		good = good &&
		       daemon_argument(d, "--aead-backend=%s", config_aead_backend_name[c->aead_backend]);
	if (c->packet_lane != CONFIG_PACKET_LANE_AUTO)
		good = good &&
		       daemon_argument(d, "--packet-lane=%s", config_packet_lane_name[c->packet_lane]);
	if (c->workers[0])
		good = good && daemon_argument(d, "--workers=%s", c->workers);
	if (verbose)
		good = good && daemon_argument(d, "--verbose");
	for (unsigned i = 0; i < c->interfaces && good; i++)
		good = !there[i] || add_port(d, &c->interface[i]);
	return good;
}
