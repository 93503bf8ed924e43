#include "control/requests_drill.h"

#include "control/drill.h"
#include "dataplane/log.h"

static void say_drill(const struct drill *drill, int64_t now_ms)
{
	if (drill->kind == DRILL_NONE)
		log_notice("the drill is ended");
	else if (drill->kind == DRILL_STEP)
		log_warning("DRILL for %lld s: the time of all sources is off by %g s",
			(long long)(drill->ends_ms - now_ms) / 1000, drill->step);
	else
		log_warning("DRILL for %lld s: %s", (long long)(drill->ends_ms - now_ms) / 1000,
			drill_name(drill->kind));
}

void requests_drill(struct supervisor *s, struct reply *r, const char *what)
{
	const int64_t now = drill_now_ms();
	struct drill drill;
	char text[256];

	if (!drill_parse(&drill, what, now, text, sizeof(text))) {
		reply_say(r, "error: %s\nrefused\n", text);
	} else if (clock_settings_follow_system(&s->config.clock) && drill.kind != DRILL_NONE) {
		reply_say(r,
			"error: there is no `refclock` in the configuration: the kernel clock is followed, "
			"and its keeper is another's\nrefused\n");
	} else {
		drill.serial = ++s->drills;
		shm_publish(&s->drill, &drill);
		say_drill(&drill, now);
		reply_say(r, "done\n");
	}
}
