#include "control/directive.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "control/chrony_directives.h"
#include "control/directive_subjects.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define IGNORED DIRECTIVE_OF_CHRONY
#define REFUSED DIRECTIVE_REFUSED
#define OF_CHRONY(spelling, what, reason) \
	&(const struct directive){        \
		.name = #spelling,        \
		.kind = what,             \
		.repeatable = true,       \
		.most_words = UINT16_MAX, \
		.help = reason,           \
		.origin = "chrony",       \
	},

const struct directive *const directives[] = {
	/* the dataplane */
	&directive_interface, &directive_workers, &directive_bindaddress, &directive_port, &directive_minpoll,
	&directive_local, &directive_hugepages, &directive_aeadbackend, &directive_packetlane,
	&directive_idle,
	/* the daemons */
	&directive_seccomp, &directive_clockrefresh, &directive_holdover, &directive_user,
	&directive_chronyrundir,
	/* NTS */
	&directive_ntsservercert, &directive_ntsserverkey, &directive_ntsport, &directive_ntsprocesses,
	&directive_maxntsconnections, &directive_ntsratelimit, &directive_ntsrotate, &directive_ntsdumpdir,
	&directive_ntsntpserver, &directive_ntsaeads,
	/* the clock */
	&directive_refclock, &directive_driftfile, &directive_logdir, &directive_log, &directive_logbanner,
	&directive_leapsectz, &directive_leapseclist, &directive_leapsmear, &directive_makestep,
	&directive_maxslewrate, &directive_minsources, &directive_clockwander, &directive_serving,
	&directive_crosscheck, &directive_healthfile, &directive_healthhook, &directive_temperature,
	&directive_steer_kernel,
	/* who watches */
	&directive_metrics,
	/* chrony's, without a meaning here */
	CHRONY_DIRECTIVES(OF_CHRONY)};

const size_t directive_count = COUNT(directives);
static_assert(COUNT(directives) <= (size_t)DIRECTIVES_MAX, "a line for each in the parser");

const struct directive *directive_find(const char *name)
{
	for (size_t i = 0; i < directive_count; i++) {
		if (strcasecmp(directives[i]->name, name) == 0)
			return directives[i];
	}
	return NULL;
}
