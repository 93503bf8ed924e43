/* `tickwire bench ke`: a storm of key establishments, or connections that are held. */
#ifndef BENCH_KE_COMMAND_H
#define BENCH_KE_COMMAND_H

#include "bench/ke_options.h"

/* argv[0] is "ke". The exit status: 0 all were good, 1 some failed, 2 wrong usage or a refused target. Main
 * thread; SIGINT and SIGTERM end it with a report. */
int ke_command(int argc, char **argv);

/* The same once the options are known: all of ke_options_parse's are set. */
int ke_run(struct ke_options *options);

#endif
