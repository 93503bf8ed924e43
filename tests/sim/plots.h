/* A page of plots of one simulation. */
#ifndef TESTS_SIM_PLOTS_H
#define TESTS_SIM_PLOTS_H

#include <stdio.h>

#include "tests/sim/world.h"

/* Of a world that has run; with the PI loops where it had them. Whoever gave the stream looks for errors. */
void plots_write(FILE *out, const struct world *w);

#endif
