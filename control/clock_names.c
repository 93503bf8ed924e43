#include "control/clock_names.h"

#include <stddef.h>

#include "refclock/sources.h"

static const char *const rung_names[LADDER_RUNGS] = {
	[LADDER_SERVING] = "serving",
	[LADDER_RAISED] = "raised",
	[LADDER_UNSYNCHRONISED] = "unsynchronised",
	[LADDER_SILENT] = "silent",
};

static const struct {
	const char *name, *letter;
} states[SOURCE_STATES] = {
	[SOURCE_STATE_UNUSABLE] = {"unusable", "?"},
	[SOURCE_STATE_SELECTED] = {"selected", "*"},
	[SOURCE_STATE_COMBINED] = {"combined", "+"},
	[SOURCE_STATE_CANDIDATE] = {"candidate", "-"},
	[SOURCE_STATE_FALSETICKER] = {"falseticker", "x"},
	[SOURCE_STATE_JITTERY] = {"jittery", "~"},
	[SOURCE_STATE_NOSELECT] = {"noselect", "N"},
};

const char *clock_rung_name(unsigned rung)
{
	return rung < LADDER_RUNGS ? rung_names[rung] : "unknown";
}

const char *clock_source_state_name(unsigned state)
{
	return states[state < SOURCE_STATES ? state : SOURCE_STATE_UNUSABLE].name;
}

const char *clock_source_state_letter(unsigned state)
{
	return states[state < SOURCE_STATES ? state : SOURCE_STATE_UNUSABLE].letter;
}

void clock_verdict_name(unsigned verdict, char name[CLOCK_VERDICT_NAME])
{
	static const char *const names[SOURCE_VERDICT_COUNT] = {
#define X(name, text) #name,
		SOURCE_VERDICTS(X)
#undef X
	};
	size_t n = 0;

	for (; names[verdict][n] && n < CLOCK_VERDICT_NAME - 1; n++)
		name[n] = (char)(names[verdict][n] == '_' ? '_' : names[verdict][n] - 'A' + 'a');
	name[n] = '\0';
}
