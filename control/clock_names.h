/* What the numbers of refclock/sources.h are called, in JSON, in metrics and to the health hook. Pure. */
#ifndef CONTROL_CLOCK_NAMES_H
#define CONTROL_CLOCK_NAMES_H

enum { CLOCK_VERDICT_NAME = 32 };

/* "serving" and the like, of enum ladder_rung; "unknown" for a number that is none. */
const char *clock_rung_name(unsigned rung);

/* Of enum source_state: "selected" and the like, and chronyc's letter; a number that is none is unusable. */
const char *clock_source_state_name(unsigned state);
const char *clock_source_state_letter(unsigned state);

/* Of enum source_verdict below SOURCE_VERDICT_COUNT: "no_second" and the like. */
void clock_verdict_name(unsigned verdict, char name[CLOCK_VERDICT_NAME]);

#endif
