#include "control/drill.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const names[DRILL_KINDS] = {
	[DRILL_NONE] = "end", [DRILL_HOLDOVER] = "holdover", [DRILL_LOST] = "lost", [DRILL_STEP] = "step"};

static const double step_most = 1e6; /* s */

const char *drill_name(unsigned kind)
{
	return kind < DRILL_KINDS ? names[kind] : "unknown";
}

int64_t drill_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int most_seconds(const struct drill *d)
{
	return d->kind == DRILL_STEP ? DRILL_STEP_SECONDS_MAX : DRILL_SECONDS_MAX;
}

static bool makes_sense(const struct drill *d, int64_t now_ms)
{
	return d->kind > DRILL_NONE && d->kind < DRILL_KINDS && now_ms < d->ends_ms &&
	       d->ends_ms - now_ms <= most_seconds(d) * INT64_C(1000) && fabs(d->step) <= step_most;
}

struct drill drill_state(const struct shm *segment, int64_t now_ms)
{
	struct drill drill;

	if (!segment->head || shm_read(segment, &drill) == 0 || !makes_sense(&drill, now_ms))
		return (struct drill){.kind = DRILL_NONE};
	return drill;
}

static bool find_kind(const char *word, uint32_t *kind)
{
	for (*kind = DRILL_NONE; *kind < DRILL_KINDS; ++*kind)
		if (strcmp(word, names[*kind]) == 0)
			return true;
	return false;
}

bool drill_parse(struct drill *drill, const char *request, int64_t now_ms, char *text, size_t size)
{
	char word[16] = "", more;
	int seconds = 0, found;

	*drill = (struct drill){.kind = DRILL_NONE};
	found = sscanf(request, "%15s %7d %lf %c", word, &seconds, &drill->step, &more);
	if (found < 1 || !find_kind(word, &drill->kind)) {
		snprintf(text, size, "no such drill; expected holdover, lost, step or end");
		return false;
	}
	if (drill->kind == DRILL_NONE)
		return true;
	if (found < 2 || seconds < 1 || seconds > most_seconds(drill)) {
		snprintf(text, size, "expected 1 to %d seconds", most_seconds(drill));
		return false;
	}
	if ((found == 3) != (drill->kind == DRILL_STEP) || found > 3 || !(fabs(drill->step) <= step_most)) {
		snprintf(text, size,
			"expected a step (--by) of at most %.0f s with `step`, and with nothing else",
			step_most);
		return false;
	}
	drill->ends_ms = now_ms + seconds * INT64_C(1000);
	return true;
}
