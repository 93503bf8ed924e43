/*
 * The cores of a load: a generator and a thread for each, all of whom do the same step at the same time. Main
 * thread.
 */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include <stdbool.h>

#include "bench/generator.h"

struct crew;

/*
 * `settings` as for generator_new, whose core it fills; `cpu` of each of settings->cores, or -1 to leave a
 * thread where it runs. NULL with a sentence in text[size].
 */
struct crew *crew_new(
	const struct generator_settings *settings, const unsigned *cpu, char *text, unsigned size);
void crew_free(struct crew *crew);

/* Begin a step on all cores. False with a sentence in text[size]: nothing runs then. */
bool crew_start(struct crew *crew, const struct generator_step *step, char *text, unsigned size);

/* Whether some core is still at it; what they have done so far. */
bool crew_is_busy(const struct crew *crew);
void crew_live(const struct crew *crew, struct generator_live *live);

/* Wait for the end of all, and merge what they give. */
void crew_finish(struct crew *crew, struct result_step *step);

#endif
