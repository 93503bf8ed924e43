/* `tickwire bench ke`: a storm of key establishments, or connections that are held. */
#ifndef BENCH_KE_COMMAND_H
#define BENCH_KE_COMMAND_H

/* argv[0] is "ke". The exit status: 0 all were good, 1 some failed, 2 wrong usage or a refused target. Main
 * thread; SIGINT and SIGTERM end it with a report. */
int ke_command(int argc, char **argv);

#endif
