/* tickwire-bench: the load generator's command line, which `tickwire bench` calls. */
#include "bench/compare.h"
#include "bench/ke_command.h"
#include "bench/load.h"
#include "bench/micro.h"
#include "control/command.h"

static const struct command commands[] = {
	{"load", load_command,
		"an open-loop load of NTP or NTS on a server, each reply judged; its knee; a report"},
	{"ke", ke_command, "many NTS key establishments with a server, each response judged"},
	{"micro", micro_command, "core clocks per packet of tickwire's own path, by stage"},
	{"compare", compare_command,
		"tickwire, chronyd, ntpsec and openntpd side by side, and testpmd as the limit"},
	{0},
};

static const struct command_list list = {
	.program = "tickwire bench",
	.synopsis = "COMMAND [TARGET] [OPTIONS]",
	.more = "Load is for one's own hosts. `tickwire bench COMMAND --help` says more.",
	.command = commands,
};

int main(int argc, char **argv)
{
	return command_run(&list, argc, argv);
}
