/* `tickwire bench micro`. */
#ifndef BENCH_MICRO_H
#define BENCH_MICRO_H

/* The exit status. Not thread-safe: getopt. */
int micro_command(int argc, char **argv);

#endif
