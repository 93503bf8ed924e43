/* `tickwire bench load`. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

/* The exit status. Not thread-safe: it takes the signals and getopt. */
int load_command(int argc, char **argv);

#endif
